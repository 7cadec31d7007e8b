//! Who the columns of the ladder are, and whose an address is.

use std::collections::BTreeMap;
use std::net::{IpAddr, SocketAddr};

use super::Scene;
use crate::evidence::{Column, ColumnKind};
use crate::file::SiteKind;
use crate::run::addresses::device_name;

/// The columns, and how to find the one of an address.
pub(super) struct Columns {
    columns: Vec<Column>,
    hosts: BTreeMap<IpAddr, usize>,
    /// Addresses with a port that are told apart from others at the same host.
    sockets: BTreeMap<SocketAddr, usize>,
    /// Devices by their names, for phones that share a host.
    devices: Vec<(String, usize)>,
}

impl Columns {
    /// Phones and what is outside on the left, the cluster, recorders on the right.
    pub(super) fn of(scene: &Scene<'_>) -> Self {
        let (scenario, addresses) = (scene.scenario, scene.addresses);
        let mut columns =
            Self { columns: Vec::new(), hosts: BTreeMap::new(), sockets: BTreeMap::new(), devices: Vec::new() };
        for (index, phone) in scenario.phones.iter().enumerate() {
            let about = format!("{} {}", phone.line, device_name(index));
            let at = columns.add(ColumnKind::Phone, &phone.name, &about);
            columns.devices.push((device_name(index), at));
            columns.lives_at(at, addresses.phone(index));
        }
        for (index, site) in scenario.outside.iter().enumerate() {
            let what = match site.kind {
                SiteKind::Cluster => "cluster",
                SiteKind::Gateway => "gateway",
            };
            let numbers: Vec<&str> = site.parties.iter().map(|party| party.line.as_str()).collect();
            let at = columns.add(ColumnKind::Outside, &site.name, &format!("{what} {}", numbers.join(", ")));
            let socket = addresses.site(index, site.encrypted);
            columns.sockets.insert(socket, at);
            columns.lives_at(at, socket.ip());
        }
        let nodes = scenario.phones.iter().map(|phone| phone.node).max().unwrap_or(0);
        for node in 0..=nodes {
            let (name, about) = match node {
                0 => ("CUCM".to_owned(), "cucm-pub".to_owned()),
                node => (format!("CUCM {}", node + 1), format!("cucm-sub{node}")),
            };
            let at = columns.add(ColumnKind::Cucm, &name, &about);
            columns.lives_at(at, addresses.node(node));
        }
        let at = columns.add(ColumnKind::Recorder, "recorder", scene.options.under_test.name());
        columns.lives_at(at, addresses.recorder());
        for (index, destination) in scenario.destinations.iter().enumerate() {
            let at = columns.add(ColumnKind::Destination, &destination.name, "beside the recorder");
            columns.lives_at(at, addresses.destination(index));
        }
        columns
    }

    fn add(&mut self, kind: ColumnKind, name: &str, about: &str) -> usize {
        self.columns.push(Column { kind, name: name.to_owned(), about: about.to_owned(), addresses: Vec::new() });
        self.columns.len() - 1
    }

    /// Of several at one host, CUCM has it unless ports say otherwise.
    fn lives_at(&mut self, column: usize, host: IpAddr) {
        self.columns[column].addresses.push(host.to_string());
        self.hosts.insert(host, column);
    }

    /// The ports at which CUCM listens for phones and trunks tell it from phones at the same host.
    fn is_cucm(&self, column: usize) -> bool {
        self.columns[column].kind == ColumnKind::Cucm
    }

    /// The column of an address; `text` is what was said over its connection first.
    pub(super) fn of_address(&mut self, address: SocketAddr, text: &str) -> usize {
        if let Some(column) = self.sockets.get(&address) {
            return *column;
        }
        match self.hosts.get(&address.ip()).copied() {
            // Phones that share CUCM's host have ports of their own, and name themselves when they register.
            Some(column) if self.is_cucm(column) && !matches!(address.port(), 5060 | 5061) => {
                let named = self.devices.iter().find(|(device, _)| text.contains(device.as_str()));
                let phone = named.filter(|_| text.starts_with("REGISTER ")).map(|(_, phone)| *phone);
                if let Some(phone) = phone {
                    self.sockets.insert(address, phone);
                }
                phone.unwrap_or(column)
            }
            Some(column) => column,
            None => {
                let column = self.add(ColumnKind::Stranger, &address.ip().to_string(), "not part of the scenario");
                self.lives_at(column, address.ip());
                column
            }
        }
    }

    pub(super) fn finish(self) -> Vec<Column> {
        self.columns
    }
}
