//! Nodes of the cluster die and come back.

use cucm::CucmEvent;
use cucm::signalling::Provocation;
use phone::PhoneState;

use super::cast::Cast;
use super::follow::{LOOK, SOON};
use crate::file::NodeFailure;
use crate::run::error::SetupError;

impl Cast<'_> {
    /// Its phones see that it is gone.
    pub(super) async fn fail_node(&mut self, line: usize, failure: NodeFailure) -> Result<(), SetupError> {
        let NodeFailure { node, media_goes_on, connections } = failure;
        self.tell(format!("node {} dies", node + 1));
        let phones = self.paper.phones_at(node);
        for &phone in &phones {
            let told = self.phones[phone].preserve_forks(media_goes_on).await;
            self.done(line, phone, "be told what becomes of its streams", told)?;
        }
        let (since, address) = (self.events.len(), self.addresses.node(node));
        self.cucm().provoke(Provocation::FailNode { node: address, trunks: connections });
        let is_it = |event: &CucmEvent| matches!(event, CucmEvent::NodeFailed { node, .. } if *node == address);
        self.heard(line, since, "the node to have failed", is_it).await?;
        for &phone in &phones {
            let waited = self.phones[phone].wait_for(PhoneState::Unregistered, SOON).await;
            waited.map_err(|e| SetupError::Step { line, what: format!("phone `{}`: {e}", self.name(phone)) })?;
        }
        Ok(())
    }

    /// Its ports are open again; its phones come when they want to.
    pub(super) async fn restore_node(&mut self, line: usize, node: usize) -> Result<(), SetupError> {
        self.tell(format!("node {} comes back", node + 1));
        let (since, address) = (self.events.len(), self.addresses.node(node));
        self.cucm().provoke(Provocation::RestoreNode { node: address });
        let is_it = |event: &CucmEvent| matches!(event, CucmEvent::NodeRestored { node } if *node == address);
        self.heard(line, since, "the node to be there again", is_it).await
    }

    /// Waits until each phone without a call is registered with the node where it is on paper.
    pub(super) async fn homes_follow(&self, line: usize) -> Result<(), SetupError> {
        for (phone, handset) in self.phones.iter().enumerate() {
            let Some(node) = self.paper.node_of(phone).filter(|_| self.paper.calls_at(phone) == 0) else { continue };
            let deadline = self.net.clock().now() + SOON;
            let is_there = || {
                let status = handset.status();
                status.registered && status.server == Some(self.addresses.node(node))
            };
            while !is_there() {
                if self.net.clock().now() >= deadline {
                    let what = format!(
                        "phone `{}` is not registered with node {} within {SOON:?}",
                        self.name(phone),
                        node + 1
                    );
                    return Err(SetupError::Step { line, what });
                }
                self.net.clock().sleep(LOOK).await;
            }
        }
        Ok(())
    }
}
