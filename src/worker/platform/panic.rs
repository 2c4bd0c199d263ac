//! What a panic leaves in the log.

use std::panic::PanicHookInfo;

use super::log;

/// Writes the message and the place of every panic of this instance into the log: for the `start` event. The promise of the request that panicked never settles; workerd
/// responds to it, and the generated entry makes a new instance for the requests after it.
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
