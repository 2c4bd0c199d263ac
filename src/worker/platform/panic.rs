//! Logs panics.

use std::panic::PanicHookInfo;

use super::log;

/// Logs the message and the location of every panic of this instance. Call it in the `start` event.
/// The promise of the request that panicked never settles. workerd responds to that request, and
/// the generated entry creates a new instance for later requests.
pub fn log_panics() {
    std::panic::set_hook(Box::new(|info: &PanicHookInfo<'_>| {
        let place = info.location().map(ToString::to_string);
        log::error(
            "panic",
            &[
                ("message", info.payload_as_str().unwrap_or("unknown").into()),
                ("place", place.unwrap_or_default().into()),
            ],
        );
    }));
}
