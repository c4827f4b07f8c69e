//! Running a little async work from blocking code, inside or outside of another runtime.

/// Runs a future to its end from blocking code, whether or not the caller is inside a runtime of its own.
pub(crate) fn in_own_runtime<T: Send>(future: impl Future<Output = T> + Send) -> Result<T, String> {
    std::thread::scope(|scope| {
        let worker = scope.spawn(|| {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
            runtime
                .map(|runtime| runtime.block_on(future))
                .map_err(|error| error.to_string())
        });
        worker
            .join()
            .unwrap_or_else(|_| Err("the worker thread died".to_owned()))
    })
}
