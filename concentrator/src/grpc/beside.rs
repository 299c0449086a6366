//! Work that may block, beside the threads of the runtime, and for how long somebody waits for it.

use plc_core::time::Duration;
use std::sync::Arc;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tonic::Status;

/// How long something short may take.
pub(super) const SHORT: Duration = Duration::from_secs(30);
/// How long it may take to read everything that is held.
pub(super) const LONG: Duration = Duration::from_secs(600);

/// The right to ask, in turn.
///
/// # Errors
/// Nobody gives one back in time: whoever has one waits for a disk that does not answer.
pub(super) async fn permit(of: &Arc<Semaphore>, patience: Duration) -> Result<OwnedSemaphorePermit, Status> {
    match tokio::time::timeout(patience, Arc::clone(of).acquire_owned()).await {
        Ok(permit) => permit.map_err(|_| Status::unavailable("stopping")),
        Err(_) => Err(Status::unavailable(format!(
            "others have waited for {} s for their answers; expected a disk that answers",
            patience.as_secs()
        ))),
    }
}

/// Does it on a thread that may block. The thread keeps its `permit` when nobody waits any more, so that no more threads hang than there are
/// permits.
///
/// # Errors
/// What the work says; it takes longer than somebody waits.
pub(super) async fn beside<T: Send + 'static>(
    what: &str,
    patience: Duration,
    permit: Option<OwnedSemaphorePermit>,
    work: impl FnOnce() -> Result<T, Status> + Send + 'static,
) -> Result<T, Status> {
    let work = move || {
        let done = work();
        drop(permit);
        done
    };
    match tokio::time::timeout(patience, tokio::task::spawn_blocking(work)).await {
        Ok(done) => done.map_err(|_| Status::internal(format!("{what}: could not be asked")))?,
        Err(_) => Err(Status::unavailable(format!(
            "{what}: no answer for {} s, expected a disk that answers; what was asked may still be done",
            patience.as_secs()
        ))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::mpsc;
    use tonic::Code;

    #[tokio::test]
    async fn work_that_hangs_is_not_waited_for_and_keeps_its_place_until_it_is_done() {
        let (places, patience) = (Arc::new(Semaphore::new(1)), Duration::from_millis(20));
        let (go, hung) = mpsc::channel::<()>();
        let place = permit(&places, patience).await.unwrap();
        let wait = move || hung.recv().map_err(|error| Status::internal(error.to_string()));
        let error = beside("store", patience, Some(place), wait).await.unwrap_err();
        assert_eq!(error.code(), Code::Unavailable);
        assert!(error.message().starts_with("store: no answer"), "{error}");
        assert_eq!(permit(&places, patience).await.unwrap_err().code(), Code::Unavailable);
        go.send(()).unwrap();
        let place = permit(&places, SHORT).await.unwrap();
        assert_eq!(beside("store", SHORT, Some(place), || Ok(7)).await.unwrap(), 7);
    }
}
