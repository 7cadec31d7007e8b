//! Nodes of the cluster die.

use cucm::CucmEvent;
use cucm::signalling::Provocation;
use phone::PhoneState;

use super::cast::Cast;
use super::follow::{LOOK, SOON};
use crate::file::NodeFailure;
use crate::run::error::SetupError;

impl Cast<'_> {
    /// Its phones see that it is gone; those without a call register with the next one.
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
        for &phone in &phones {
            self.at_home(line, phone).await?;
        }
        Ok(())
    }

    /// Waits until a phone without a call is registered.
    pub(super) async fn at_home(&self, line: usize, phone: usize) -> Result<(), SetupError> {
        let Some(handset) = self.phones.get(phone) else { return Ok(()) };
        let deadline = self.net.clock().now() + SOON;
        let is_at_rest = || handset.status().registered || handset.status().call != phone::CallState::Idle;
        while !is_at_rest() {
            if self.net.clock().now() >= deadline {
                let what = format!("phone `{}` registers with no node within {SOON:?}", self.name(phone));
                return Err(SetupError::Step { line, what });
            }
            self.net.clock().sleep(LOOK).await;
        }
        Ok(())
    }
}
