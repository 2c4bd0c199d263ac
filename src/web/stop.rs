//! Timers and signals that stop work.

use std::cell::{Cell, RefCell};
use std::future::{Future, poll_fn};
use std::pin::pin;
use std::rc::Rc;
use std::task::{Poll, Waker};

use js_sys::Function;
use wasm_bindgen::prelude::*;
use web_sys::AbortSignal;

use super::executor::JsFuture;

/// The longest delay that timers support, in milliseconds (2³¹ − 1). A longer delay would fire at
/// once.
pub(crate) const LONGEST_TIMER_MS: f64 = 2_147_483_647.0;

#[allow(unsafe_code)] // For the code that wasm-bindgen generates.
mod global {
    use super::{Function, JsValue, wasm_bindgen};

    // web-sys has timers only on `Window` and `WorkerGlobalScope`. Most runtimes have neither.
    #[wasm_bindgen]
    extern "C" {
        #[wasm_bindgen(js_name = setTimeout)]
        pub fn set_timeout(callback: &Function, delay_ms: f64) -> JsValue;
        #[wasm_bindgen(js_name = clearTimeout)]
        pub fn clear_timeout(timer: &JsValue);
    }
}

/// Returns milliseconds since the epoch.
#[must_use]
pub(crate) fn now_ms() -> i64 {
    // The cast saturates.
    js_sys::Date::now() as i64
}

/// A timer that is cleared when it is dropped.
struct Timer {
    id: JsValue,
    _act: Closure<dyn FnMut()>,
}

impl Timer {
    fn new(delay_ms: f64, act: impl FnOnce() + 'static) -> Self {
        let act = Closure::once(act);
        Self {
            id: global::set_timeout(act.as_ref().unchecked_ref(), delay_ms),
            _act: act,
        }
    }
}

impl Drop for Timer {
    fn drop(&mut self) {
        global::clear_timeout(&self.id);
    }
}

/// A listener of a signal that is removed when it is dropped.
struct Listener {
    signal: AbortSignal,
    act: Closure<dyn FnMut()>,
}

impl Listener {
    fn new(signal: &AbortSignal, act: impl FnMut() + 'static) -> Result<Self, JsValue> {
        let act = Closure::new(act);
        signal.add_event_listener_with_callback("abort", act.as_ref().unchecked_ref())?;
        Ok(Self {
            signal: signal.clone(),
            act,
        })
    }
}

impl Drop for Listener {
    fn drop(&mut self) {
        let act = self.act.as_ref().unchecked_ref();
        let _ = self
            .signal
            .remove_event_listener_with_callback("abort", act);
    }
}

#[derive(Default)]
struct State<R> {
    reason: RefCell<Option<R>>,
    waker: Cell<Option<Waker>>,
}

/// What may stop work before its end. The first reason counts.
pub(crate) struct Stop<R> {
    state: Rc<State<R>>,
    /// The timer and the listener end when this value is dropped.
    timer: Option<Timer>,
    listener: Option<Listener>,
}

impl<R: 'static> Stop<R> {
    /// Creates a value that nothing stops yet.
    #[must_use]
    pub(crate) fn new() -> Self {
        Self {
            state: Rc::new(State {
                reason: RefCell::new(None),
                waker: Cell::new(None),
            }),
            timer: None,
            listener: None,
        }
    }

    fn stopper(&self) -> impl Fn(R) + 'static {
        let state = Rc::clone(&self.state);
        move |reason| {
            state.reason.borrow_mut().get_or_insert(reason);
            // The waker may poll the work at once, and the poll reads the reason.
            if let Some(waker) = state.waker.take() {
                waker.wake();
            }
        }
    }

    /// Stops the work after `delay_ms` milliseconds. Sets no timer for a delay that timers do not
    /// support.
    pub(crate) fn after(&mut self, delay_ms: f64, reason: impl FnOnce() -> R + 'static) {
        if delay_ms <= LONGEST_TIMER_MS {
            let stop = self.stopper();
            self.timer = Some(Timer::new(delay_ms, move || stop(reason())));
        }
    }

    /// Stops the work when the signal aborts. If it has already aborted, stops at once.
    ///
    /// # Errors
    /// When the signal does not accept a listener.
    pub(crate) fn on_abort(
        &mut self,
        signal: &AbortSignal,
        reason: impl Fn(JsValue) -> R + 'static,
    ) -> Result<(), JsValue> {
        let stop = self.stopper();
        if signal.aborted() {
            stop(reason(signal.reason()));
            return Ok(());
        }
        let aborted = signal.clone();
        let listener = Listener::new(signal, move || stop(reason(aborted.reason())))?;
        self.listener = Some(listener);
        Ok(())
    }

    /// Returns the output of the work, or `None` if it was stopped first. See [`Self::reason`].
    pub(crate) async fn unless<T>(&self, work: impl Future<Output = T>) -> Option<T> {
        let mut work = pin!(work);
        poll_fn(|context| {
            if self.state.reason.borrow().is_some() {
                return Poll::Ready(None);
            }
            match work.as_mut().poll(context) {
                Poll::Ready(output) => Poll::Ready(Some(output)),
                // The work itself may have caused the stop.
                Poll::Pending if self.state.reason.borrow().is_some() => Poll::Ready(None),
                Poll::Pending => {
                    self.state.waker.set(Some(context.waker().clone()));
                    Poll::Pending
                }
            }
        })
        .await
    }

    /// Returns why the work was stopped.
    #[must_use]
    pub(crate) fn reason(self) -> Option<R> {
        self.state.reason.take()
    }
}

/// Waits `delay_ms` milliseconds, or until the signal aborts.
///
/// A delay that timers do not support is reduced to the longest one.
pub(crate) async fn sleep(delay_ms: f64, signal: Option<&AbortSignal>) -> Result<(), JsValue> {
    let mut stop = Stop::new();
    stop.after(delay_ms.min(LONGEST_TIMER_MS), || ());
    if let Some(signal) = signal {
        stop.on_abort(signal, |_| ())?;
    }
    stop.unless(std::future::pending::<()>()).await;
    Ok(())
}

/// Awaits a promise, a value or a thenable, like JavaScript's `await`.
///
/// # Errors
/// The reason with which the promise rejects.
pub(crate) async fn outcome_of(value: &JsValue) -> Result<JsValue, JsValue> {
    JsFuture::from(js_sys::Promise::resolve(value)).await
}
