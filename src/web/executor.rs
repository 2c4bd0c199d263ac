//! Runs the futures of asynchronous exports.
//!
//! It replaces `wasm_bindgen_futures` in
//! `#[wasm_bindgen(wasm_bindgen_futures = crate::web::executor)]`. `JsFuture` is the original one.
//! The two functions that start a future are replaced, for two reasons that affect merchants
//! (wasm-bindgen-futures 0.4.79):
//!
//! - The original queues all futures of an isolate in one list and sets a flag before the microtask
//!   that empties it. If execution ends in between, such as at a CPU time limit, the flag stays set
//!   and no later export settles. Here, whatever wakes a future also polls it, and futures share
//!   nothing.
//! - A panic ends in a WebAssembly trap. With the original, the promise of that future stays
//!   pending, and its caller waits forever. Here, a poll runs inside a call that catches the trap,
//!   and the trap rejects the promise.
//!
//! Remove this module when wasm-bindgen-futures does both. A test of the shipped package fails if
//! the macro does not use this module, as happens with the variable `WASM_BINDGEN_USE_JS_SYS`.

use std::cell::Cell;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, Wake, Waker};

use js_sys::{Function, Promise};
use wasm_bindgen::prelude::*;

pub use wasm_bindgen_futures::JsFuture;

type Running = Pin<Box<dyn Future<Output = Result<JsValue, JsValue>>>>;

/// A future and the functions that settle its promise.
struct Work {
    /// Absent while the future is polled, after its end, and after a trap.
    future: Cell<Option<Running>>,
    /// Whether the future was woken since the start of its last poll.
    woken: Cell<bool>,
    resolve: Function,
    reject: Function,
}

/// Wakes a future.
struct Task(Work);

// Wakers must be `Send` and `Sync`. A JavaScript isolate has one thread. Without shared memory, a
// wasm instance belongs to one isolate, so no other thread ever sees a task.
#[cfg(not(target_feature = "atomics"))]
#[allow(unsafe_code)]
unsafe impl Send for Task {}
#[cfg(not(target_feature = "atomics"))]
#[allow(unsafe_code)]
unsafe impl Sync for Task {}

impl Wake for Task {
    fn wake(self: Arc<Self>) {
        // If the future is being polled further up the stack, that loop checks whether it was
        // woken.
        if !self.0.woken.replace(true) && self.0.waits() {
            run(&self);
        }
    }
}

impl Work {
    fn waits(&self) -> bool {
        let future = self.future.take();
        let waits = future.is_some();
        self.future.set(future);
        waits
    }
}

thread_local! {
    /// The task that the next call of `POLL` will poll.
    static NEXT: Cell<Option<Arc<Task>>> = const { Cell::new(None) };
    /// Polls a task from JavaScript.
    static POLL: Function = Closure::<dyn Fn()>::new(poll_next).into_js_value().unchecked_into();
}

/// Polls a task inside a call that catches traps.
fn run(task: &Arc<Task>) {
    NEXT.set(Some(Arc::clone(task)));
    let polled = POLL.with(|poll| poll.call0(&JsValue::UNDEFINED));
    if let Err(trap) = polled {
        // The future is lost together with its stack.
        let _ = task.0.reject.call1(&JsValue::UNDEFINED, &trap);
    }
}

fn poll_next() {
    let Some(task) = NEXT.take() else { return };
    let work = &task.0;
    let Some(mut future) = work.future.take() else {
        return;
    };
    let waker = Waker::from(Arc::clone(&task));
    let mut context = Context::from_waker(&waker);
    loop {
        work.woken.set(false);
        match future.as_mut().poll(&mut context) {
            Poll::Ready(Ok(value)) => {
                let _ = work.resolve.call1(&JsValue::UNDEFINED, &value);
                return;
            }
            Poll::Ready(Err(reason)) => {
                let _ = work.reject.call1(&JsValue::UNDEFINED, &reason);
                return;
            }
            Poll::Pending if work.woken.get() => {}
            Poll::Pending => {
                work.future.set(Some(future));
                return;
            }
        }
    }
}

/// Runs a future and returns its promise.
///
/// The first poll happens at once. The promise settles with the future, or rejects with the trap of
/// its panic.
pub fn future_to_promise<F>(future: F) -> Promise
where
    F: Future<Output = Result<JsValue, JsValue>> + 'static,
{
    let mut future: Option<Running> = Some(Box::pin(future));
    Promise::new(&mut |resolve, reject| {
        let work = Work {
            future: Cell::new(future.take()),
            woken: Cell::new(false),
            resolve,
            reject,
        };
        run(&Arc::new(Task(work)));
    })
}

/// Runs a future whose result nobody needs.
pub fn spawn_local<F>(future: F)
where
    F: Future<Output = ()> + 'static,
{
    let _ = future_to_promise(async {
        future.await;
        Ok(JsValue::UNDEFINED)
    });
}
