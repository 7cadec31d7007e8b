//! Booting: what a phone fetches, whom it believes, and what it says when it cannot.

mod support;

use std::net::SocketAddr;
use std::time::Duration;

use phone::{BootError, PhoneState, boot};
use support::{AGENT, CUCM, Cluster, ip, on_both, on_sim};
use trust::cert::{Identity, Request};
use trust::ctl::Ctl;
use trust::phone_config::DeviceSecurityMode::{Authenticated, Encrypted, NonSecure};
use trust::phone_config::{CallManager, Line, PhoneConfig, Transport};

/// Boots the agent against the cluster as it is; the registrar answers what comes.
async fn booted(cluster: &Cluster, installed: Option<trust::ctl::SignedCtl>) -> Result<phone::Phone, BootError> {
    let tftp = cluster.tftp().await;
    let config = phone::Config { installed, ..cluster.config(AGENT, tftp, 1) };
    tokio::select! {
        biased;
        booted = boot(cluster.net.clone(), config, 3) => booted,
        () = async {
            let _peer = cluster.registered().await;
            std::future::pending().await
        } => unreachable!(),
    }
}

#[test]
fn an_encrypted_phone_boots_and_keeps_the_list_it_fetched() {
    on_both(|net| async move {
        let mut cluster = Cluster::new(&net, true).await;
        cluster.add_list(&format!("CTL{AGENT}.tlv"), &cluster.publisher.clone());
        cluster.add_phone(AGENT, "1001", Encrypted);
        let phone = booted(&cluster, None).await.unwrap();
        assert!(phone.status().registered);
        assert_eq!(phone.number(), "1001");
        assert_eq!(phone.trust_list().unwrap().as_bytes(), &*cluster.files[&format!("CTL{AGENT}.tlv")]);
        phone.wait_for(PhoneState::Idle, Duration::ZERO).await.unwrap();
    });
}

#[test]
fn a_phone_in_a_cluster_without_lists_registers_over_tcp() {
    on_both(|net| async move {
        let mut cluster = Cluster::new(&net, false).await;
        cluster.add_phone(AGENT, "1001", NonSecure);
        let phone = booted(&cluster, None).await.unwrap();
        assert!(phone.status().registered && phone.trust_list().is_none());
    });
}

#[test]
fn a_phone_without_a_list_of_its_own_takes_that_of_the_cluster() {
    on_sim(|net| async move {
        let mut cluster = Cluster::new(&net, true).await;
        cluster.add_list("CTLFile.tlv", &cluster.publisher.clone());
        cluster.add_phone(AGENT, "1001", Encrypted);
        assert!(booted(&cluster, None).await.unwrap().trust_list().is_some());
    });
}

#[test]
fn a_list_signed_by_a_stranger_is_refused_and_the_old_one_kept() {
    on_sim(|net| async move {
        let mut cluster = Cluster::new(&net, true).await;
        let now = net.clock().wall() - Duration::from_secs(60);
        let stranger = Identity::self_signed(&Request::call_manager("stranger", now)).unwrap();
        let old =
            Ctl::parse(&Ctl::tokenless(now, "cucm", &cluster.publisher).sign(&cluster.publisher).unwrap()).unwrap();
        cluster.add_list("CTLFile.tlv", &stranger);
        cluster.add_phone(AGENT, "1001", Encrypted);
        // The old list still names the server: the phone goes on with it.
        let phone = booted(&cluster, Some(old.clone())).await.unwrap();
        assert_eq!(phone.trust_list(), Some(&old));
        assert!(phone.refused_list().unwrap().starts_with("CTLFile.tlv: "), "{:?}", phone.refused_list());
    });
}

#[test]
fn a_server_that_only_the_refused_list_names_is_not_believed() {
    on_sim(|net| async move {
        let mut cluster = Cluster::new(&net, true).await;
        let now = net.clock().wall() - Duration::from_secs(60);
        let former = Identity::self_signed(&Request::call_manager("former", now)).unwrap();
        let old = Ctl::parse(&Ctl::tokenless(now, "cucm", &former).sign(&former).unwrap()).unwrap();
        cluster.add_list("CTLFile.tlv", &cluster.publisher.clone());
        cluster.add_phone(AGENT, "1001", Encrypted);
        let tftp = cluster.tftp().await;
        let config = phone::Config { installed: Some(old), ..cluster.config(AGENT, tftp, 1) };
        let server = cluster.tls.clone().unwrap();
        let (booted, ()) = tokio::join!(boot(net.clone(), config, 3), async {
            let (stream, _) = cluster.listener.accept().await.unwrap();
            assert!(wire::tls::accept(&server, stream).await.is_err());
        });
        let text = booted.unwrap_err().to_string();
        assert!(text.contains(AGENT) && text.contains("we refused the peer"), "{text}");
        assert!(text.contains("still uses its old trust list"), "{text}");
    });
}

#[test]
fn a_broken_first_list_is_refused_by_name() {
    on_sim(|net| async move {
        let mut cluster = Cluster::new(&net, true).await;
        cluster.add_list("CTLFile.tlv", &cluster.publisher.clone());
        let mut bytes = cluster.files["CTLFile.tlv"].to_vec();
        let last = bytes.len() - 40;
        bytes[last] ^= 1;
        cluster.serve("CTLFile.tlv", bytes);
        cluster.add_phone(AGENT, "1001", Encrypted);
        let error = booted(&cluster, None).await.unwrap_err();
        assert!(matches!(&error, BootError::List { file, .. } if file == "CTLFile.tlv"), "{error}");
        assert!(error.to_string().contains("utils ctl update CTLFile"), "{error}");
    });
}

#[test]
fn what_is_missing_is_named_with_what_to_do() {
    on_sim(|net| async move {
        let mut cluster = Cluster::new(&net, true).await;
        let error = booted(&cluster, None).await.unwrap_err();
        assert!(
            matches!(&error, BootError::NoConfiguration { file, .. } if file == "SEP6C416A369525.cnf.xml"),
            "{error}"
        );

        cluster.serve("SEP6C416A369525.cnf.xml", b"<device><sipProfile".to_vec());
        let error = booted(&cluster, None).await.unwrap_err();
        assert!(matches!(error, BootError::Configuration { .. }), "{error}");

        cluster.add_phone(AGENT, "1001", Encrypted);
        let error = booted(&cluster, None).await.unwrap_err();
        assert!(
            matches!(error, BootError::NoList { .. }) && error.to_string().contains("utils ctl set-cluster mixed-mode"),
            "{error}"
        );

        cluster.add_list("CTLFile.tlv", &cluster.publisher.clone());
        let tftp = cluster.tftp().await;
        let config = phone::Config { identity: None, ..cluster.config(AGENT, tftp, 1) };
        assert!(matches!(boot(net.clone(), config, 3).await, Err(BootError::NoCertificate { .. })));

        cluster.add_phone(AGENT, "1001", Authenticated);
        let error = booted(&cluster, None).await.unwrap_err();
        assert!(matches!(error, BootError::Authenticated { .. }), "{error}");

        let config = phone::Config { device: "SEP12".into(), ..cluster.config(AGENT, tftp, 1) };
        assert!(matches!(boot(net.clone(), config, 3).await, Err(BootError::Device { .. })));
    });
}

#[test]
fn a_dead_tftp_server_is_named() {
    on_sim(|net| async move {
        let cluster = Cluster::new(&net, true).await;
        let nowhere = "127.0.0.5:69".parse().unwrap();
        let error = boot(net.clone(), cluster.config(AGENT, nowhere, 1), 3).await.unwrap_err();
        let text = error.to_string();
        assert!(
            matches!(error, BootError::Tftp { .. })
                && text.contains("127.0.0.5:69")
                && text.contains("CTLSEP6C416A369525.tlv"),
            "{text}"
        );
        assert!(text.contains(&ip("127.0.0.6").to_string()), "{text}");
    });
}

#[test]
fn a_dead_cucm_and_a_refused_registration_are_named() {
    on_sim(|net| async move {
        let mut cluster = Cluster::new(&net, false).await;
        cluster.add_phone(AGENT, "1001", NonSecure);
        let tftp = cluster.tftp().await;
        let config = cluster.config(AGENT, tftp, 1);
        let (booted, ()) = tokio::join!(boot(net.clone(), config.clone(), 3), async {
            let mut peer = cluster.accept().await;
            let register = peer.expect("REGISTER").await;
            peer.respond(&register, "403 Forbidden", "Warning: 399 cucm \"wrong transport\"\r\n", "").await;
        });
        let text = booted.unwrap_err().to_string();
        assert!(text.contains("403 Forbidden") && text.contains("wrong transport"), "{text}");

        drop(cluster.listener);
        let text = boot(net.clone(), config, 3).await.unwrap_err().to_string();
        assert!(text.contains("cannot connect to its cucm: 127.0.0.5:"), "{text}");
    });
}

#[test]
fn a_phone_whose_connection_is_lost_registers_again() {
    on_sim(|net| async move {
        let mut cluster = Cluster::new(&net, false).await;
        cluster.add_phone(AGENT, "1001", NonSecure);
        let config = cluster.config(AGENT, cluster.tftp().await, 1);
        let (phone, peer) = tokio::join!(boot(net.clone(), config, 3), cluster.registered());
        let phone = phone.unwrap();
        peer.close().await;
        phone.wait_for(PhoneState::Unregistered, Duration::from_secs(1)).await.unwrap();
        let _peer = cluster.registered().await;
        phone.wait_for(PhoneState::Registered, Duration::from_secs(5)).await.unwrap();
    });
}

#[test]
fn a_phone_configured_for_udp_registers_by_datagrams() {
    on_both(|net| async move {
        let mut cluster = Cluster::new(&net, false).await;
        let cucm = net.datagram(SocketAddr::new(ip(CUCM), 0)).await.unwrap();
        let port = cucm.local_addr().port();
        let manager =
            CallManager { name: "pub".into(), process_node: CUCM.into(), sip_port: port, secured_sip_port: port };
        let mut config = PhoneConfig::new(AGENT, NonSecure, manager);
        config.transport = Transport::Udp;
        config.lines.push(Line::new(1, "1001", ""));
        cluster.serve(&format!("{AGENT}.cnf.xml"), config.to_xml().into_bytes());
        let config = cluster.config(AGENT, cluster.tftp().await, 1);
        let (booted, ()) = tokio::join!(boot(net.clone(), config, 3), async {
            let mut buf = [0; 8192];
            // The first REGISTER is lost: the phone says it again.
            cucm.recv_from(&mut buf).await.unwrap();
            let (len, from) = cucm.recv_from(&mut buf).await.unwrap();
            let register = sip::Message::parse(&buf[..len]).unwrap();
            assert!(register.header("Contact").unwrap().contains(";transport=udp>"));
            let ok = sip::Builder::reply(&register, 200, "OK", Some("cucm")).header("Expires", 120).finish();
            cucm.send_to(ok.as_bytes(), from).await.unwrap();
        });
        assert!(booted.unwrap().status().registered);
    });
}
