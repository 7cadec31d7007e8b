//! Somebody else on a scenario's network, who belongs to no party of it.

use std::fmt;
use std::pin::Pin;
use std::sync::Arc;

use tokio::task::JoinHandle;
use wire::Net;

type Deed = Pin<Box<dyn Future<Output = ()> + Send>>;

/// What somebody does on the network while a scenario is played: it begins when all phones are registered and is ended with
/// the last step. A scenario must come out the same whatever a stranger does.
#[derive(Clone)]
pub struct Bystander(Arc<dyn Fn(Net) -> Deed + Send + Sync>);

/// A deed that is under way; it ends when this is dropped.
pub(super) struct Busy(JoinHandle<()>);

impl Bystander {
    /// One who does this on each scenario's network.
    pub fn new<F: Future<Output = ()> + Send + 'static>(deed: impl Fn(Net) -> F + Send + Sync + 'static) -> Self {
        Self(Arc::new(move |net| Box::pin(deed(net))))
    }

    pub(super) fn start(&self, net: &Net) -> Busy {
        Busy(tokio::spawn((self.0)(net.clone())))
    }
}

impl Drop for Busy {
    fn drop(&mut self) {
        self.0.abort();
    }
}

impl fmt::Debug for Bystander {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Bystander")
    }
}
