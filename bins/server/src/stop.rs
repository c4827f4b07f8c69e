//! When to stop: an interrupt from the terminal or a termination from the supervisor.

use tokio::signal::unix::{SignalKind, signal};

/// A future that is done at the first SIGINT or SIGTERM. The handlers are installed by the call itself.
pub(crate) fn signalled() -> std::io::Result<impl Future<Output = ()>> {
    let mut interrupt = signal(SignalKind::interrupt())?;
    let mut terminate = signal(SignalKind::terminate())?;
    Ok(async move {
        let name = tokio::select! {
            _ = interrupt.recv() => "interrupt",
            _ = terminate.recv() => "terminate",
        };
        tracing::info!(kind = name, "server.stopping");
    })
}
