//! Futures as promises, and promises as futures. js-sys polls all futures of an isolate in microtasks, each of which workerd makes a
//! native call, and makes two closures for every promise (docs/performance.md); here a future is polled where what it waits for has
//! settled, and with that in the context of its own request.

use std::cell::{Cell, RefCell};
use std::collections::BTreeMap;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
use std::task::{Context, Poll, Wake, Waker};

use js_sys::Promise;
use wasm_bindgen::JsValue;
use wasm_bindgen::closure::Closure;

use super::platform;

type Pending = Pin<Box<dyn Future<Output = ()>>>;

thread_local! {
    /// Futures that wait, by their task's number.
    static PENDING: RefCell<BTreeMap<u32, Pending>> = const { RefCell::new(BTreeMap::new()) };
    /// Promises that futures wait for, by number.
    static AWAITED: RefCell<BTreeMap<u32, Awaited>> = const { RefCell::new(BTreeMap::new()) };
    static SETTLE: Closure<dyn Fn(u32, bool, JsValue)> = Closure::new(settle);
    /// Whether what is woken now waits for a promise that has settled, and may be polled at once.
    static SETTLING: Cell<bool> = const { Cell::new(false) };
    static NEXT: Cell<u32> = const { Cell::new(0) };
}

/// A number that nothing has but what was abandoned long ago.
fn next() -> u32 {
    NEXT.replace(NEXT.get().wrapping_add(1))
}

/// What wakes a future. It only names it: a waker must be `Send`, and a future that holds JavaScript's values is not.
struct Task {
    number: u32,
    woken: AtomicBool,
}

impl Wake for Task {
    fn wake(self: Arc<Self>) {
        self.wake_by_ref();
    }

    fn wake_by_ref(self: &Arc<Self>) {
        // Where it was woken before, its next poll is on the way.
        if self.woken.swap(true, Relaxed)
            || !PENDING.with_borrow(|all| all.contains_key(&self.number))
        {
            return;
        }
        if SETTLING.replace(false) {
            self.run();
        } else {
            // `worker::Delay` wakes before it says that its time has come.
            let turn = Awaited::Turn(Arc::clone(self));
            listen_for(&Promise::resolve(&JsValue::UNDEFINED), turn);
        }
    }
}

impl Task {
    /// Polls its future; one that is not there is done, or is being polled further up the stack, where `poll` sees that it was woken.
    fn run(self: &Arc<Self>) {
        let future = PENDING.with_borrow_mut(|pending| pending.remove(&self.number));
        if let Some(future) = future {
            poll(self, future);
        }
    }
}

fn poll(task: &Arc<Task>, mut future: Pending) {
    let waker = Waker::from(Arc::clone(task));
    let mut context = Context::from_waker(&waker);
    while task.woken.swap(false, Relaxed) {
        if future.as_mut().poll(&mut context).is_ready() {
            return;
        }
    }
    PENDING.with_borrow_mut(|pending| pending.insert(task.number, future));
}

/// Runs a future: at once, as far as it comes. The promise settles as it does.
pub fn of(future: impl Future<Output = Result<JsValue, JsValue>> + 'static) -> Promise {
    let deferred = platform::deferred();
    let promise = deferred.promise();
    let task = Arc::new(Task {
        number: next(),
        woken: AtomicBool::new(true),
    });
    let future = async move {
        match future.await {
            Ok(value) => platform::settle(&deferred, true, &value),
            Err(reason) => platform::settle(&deferred, false, &reason),
        }
    };
    poll(&task, Box::pin(future));
    promise
}

enum Awaited {
    Waiting(Option<Waker>),
    Settled(Result<JsValue, JsValue>),
    /// A promise that is settled already: the task's next turn of the microtask queue.
    Turn(Arc<Task>),
}

fn listen_for(promise: &Promise, what: Awaited) -> u32 {
    let number = next();
    AWAITED.with_borrow_mut(|awaited| awaited.insert(number, what));
    SETTLE.with(|settle| platform::listen(promise, number, settle));
    number
}

fn settle(number: u32, fulfilled: bool, value: JsValue) {
    let before = AWAITED.with_borrow_mut(|awaited| awaited.remove(&number));
    match before {
        Some(Awaited::Waiting(waker)) => {
            let result = if fulfilled { Ok(value) } else { Err(value) };
            AWAITED.with_borrow_mut(|awaited| awaited.insert(number, Awaited::Settled(result)));
            if let Some(waker) = waker {
                SETTLING.set(true);
                waker.wake();
                SETTLING.set(false);
            }
        }
        Some(Awaited::Turn(task)) => task.run(),
        // Nobody waits for it any more.
        Some(Awaited::Settled(_)) | None => {}
    }
}

/// What a promise becomes.
pub fn settled(promise: Promise) -> Settled {
    let number = listen_for(&promise, Awaited::Waiting(None));
    Settled { number }
}

/// The future of [`settled`].
pub struct Settled {
    number: u32,
}

impl Future for Settled {
    type Output = Result<JsValue, JsValue>;

    fn poll(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        AWAITED.with_borrow_mut(|awaited| match awaited.remove(&self.number) {
            Some(Awaited::Settled(result)) => Poll::Ready(result),
            Some(_) => {
                let waiting = Awaited::Waiting(Some(context.waker().clone()));
                awaited.insert(self.number, waiting);
                Poll::Pending
            }
            // Polled again after the end, which no `await` does.
            None => Poll::Pending,
        })
    }
}

impl Drop for Settled {
    fn drop(&mut self) {
        let gone = AWAITED.with_borrow_mut(|awaited| awaited.remove(&self.number));
        drop(gone);
    }
}
