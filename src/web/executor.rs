//! Runs the futures of asynchronous exports. It stands in for `wasm_bindgen_futures` in
//! `#[wasm_bindgen(wasm_bindgen_futures = crate::web::executor)]`: `JsFuture` is its own, and the two
//! functions that start a future are replaced.
//!
//! Two reasons, each of which a merchant would feel (wasm-bindgen-futures 0.4.79):
//!
//! - It queues all futures of an isolate in one list and sets a flag before the microtask that empties it. Where
//!   execution ends in between, as under a limit of processor time, the flag stays set and no later export settles.
//!   Here a future is polled by whatever wakes it, and nothing is shared between two of them.
//! - A panic ends in a WebAssembly trap. It leaves the promise of that future pending, and its caller waits forever.
//!   Here a poll runs inside a call that catches, and the trap rejects the promise.
//!
//! Drop this module once wasm-bindgen-futures does both. A test of the shipped package fails where the macro passes it
//! by, as it does under the variable `WASM_BINDGEN_USE_JS_SYS`.

use std::cell::Cell;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, Wake, Waker};

use js_sys::{Function, Promise};
use wasm_bindgen::prelude::*;

pub use wasm_bindgen_futures::JsFuture;

type Running = Pin<Box<dyn Future<Output = Result<JsValue, JsValue>>>>;

/// A future, and how its promise is settled.
struct Work {
    /// Absent while it is polled, after its end, and after a trap.
    future: Cell<Option<Running>>,
    /// Whether it was woken since its last poll began.
    woken: Cell<bool>,
    resolve: Function,
    reject: Function,
}

/// What wakes a future.
struct Task(Work);

// Wakers have to be `Send` and `Sync`. A JavaScript isolate has one thread, and without shared memory a wasm instance
// belongs to one isolate, so no other thread ever sees a task.
#[cfg(not(target_feature = "atomics"))]
#[allow(unsafe_code)]
unsafe impl Send for Task {}
#[cfg(not(target_feature = "atomics"))]
#[allow(unsafe_code)]
unsafe impl Sync for Task {}

impl Wake for Task {
    fn wake(self: Arc<Self>) {
        // Where it is being polled further up the stack, the loop there sees that it was woken.
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
    /// The task that the next call of `POLL` polls.
    static NEXT: Cell<Option<Arc<Task>>> = const { Cell::new(None) };
    /// Polls a task from JavaScript.
    static POLL: Function = Closure::<dyn Fn()>::new(poll_next).into_js_value().unchecked_into();
}

/// Polls a task inside a call that catches a trap.
fn run(task: &Arc<Task>) {
    NEXT.set(Some(Arc::clone(task)));
    let polled = POLL.with(|poll| poll.call0(&JsValue::UNDEFINED));
    if let Err(trap) = polled {
        // The future is lost with the stack that held it.
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

/// Runs a future, at once as far as it comes. The promise settles as it does, or rejects with the trap of its panic.
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

/// Runs a future whose end nobody waits for.
pub fn spawn_local<F>(future: F)
where
    F: Future<Output = ()> + 'static,
{
    let _ = future_to_promise(async {
        future.await;
        Ok(JsValue::UNDEFINED)
    });
}
