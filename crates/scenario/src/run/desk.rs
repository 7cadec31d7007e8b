//! Where recordings are judged and drawn in real time: on threads that step back for everything else, a few at once. Calls of other
//! scenarios go on meanwhile, and no packet of theirs may be late for it.

use tokio::sync::Semaphore;

/// The threads that judge.
#[derive(Debug)]
pub(super) struct Desk(Semaphore);

impl Desk {
    /// One for every other processor.
    pub(super) fn new() -> Self {
        let processors = std::thread::available_parallelism().map_or(1, usize::from);
        Self(Semaphore::new((processors / 2).max(1)))
    }

    /// Does `work` on a thread of its own, as soon as there is room. Needs a runtime of several threads.
    pub(super) async fn run<T: Send>(&self, work: impl FnOnce() -> T + Send) -> T {
        let _room = self.0.acquire().await;
        let apart = || {
            std::thread::scope(|scope| {
                let thread = scope.spawn(|| {
                    step_back();
                    work()
                });
                thread.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic))
            })
        };
        tokio::task::block_in_place(apart)
    }
}

/// Gives this thread the least share of the processors; where that is refused it goes on as it is.
#[cfg(target_os = "linux")]
fn step_back() {
    // Linux has a priority for each thread (setpriority(2), "C library/kernel differences").
    let _ = rustix::process::setpriority_process(None, 19);
}

#[cfg(not(target_os = "linux"))]
const fn step_back() {}

#[cfg(test)]
mod tests {
    use super::*;

    #[cfg(target_os = "linux")]
    fn priority() -> i32 {
        rustix::process::getpriority_process(None).unwrap()
    }

    #[cfg(target_os = "linux")]
    #[tokio::test(flavor = "multi_thread", worker_threads = 1)]
    async fn what_judges_steps_back_and_what_carries_calls_does_not() {
        let desk = Desk::new();
        let before = priority();
        assert_eq!(desk.run(priority).await, 19);
        assert_eq!(priority(), before);
    }

    #[tokio::test(flavor = "multi_thread", worker_threads = 1)]
    async fn calls_go_on_while_something_is_judged() {
        let desk = std::sync::Arc::new(Desk::new());
        let (tell, told) = std::sync::mpsc::channel();
        let judged = tokio::spawn({
            let desk = std::sync::Arc::clone(&desk);
            // It ends only when the other task has had its turn, on a runtime of one worker.
            async move { desk.run(move || told.recv_timeout(std::time::Duration::from_secs(10)).is_ok()).await }
        });
        tokio::task::yield_now().await;
        tokio::spawn(async move { tell.send(()).unwrap() }).await.unwrap();
        assert!(judged.await.unwrap());
    }
}
