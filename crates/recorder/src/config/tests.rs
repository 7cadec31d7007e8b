//! Configurations that work, and what is said of others.

use super::*;

fn complaint(text: &str) -> String {
    Config::parse(text).unwrap_err().to_string()
}

#[test]
fn a_configuration_is_read_and_defaults_fill_the_rest() {
    let config = Config::parse(
        r#"
        address = "192.0.2.10"
        user = "7878"
        suites = ["AES_CM_128_HMAC_SHA1_80", "AEAD_AES_256_GCM"]
        codecs = ["PCMA"]
        srtp = "fallback"
        answer_after = "3s"
        rtp_ports = "20001-20010"
        fault = { lose-every = 50 }
        [[sip_server]]
        address = "192.0.2.5"
        [[sip_server]]
        address = "192.0.2.6"
        port = 5071
        priority = 2
        "#,
    )
    .unwrap();
    assert_eq!(config.suites, [Suite::AesCm128HmacSha1_80, Suite::AeadAes256Gcm]);
    assert_eq!(config.answer_after, Duration::from_secs(3));
    assert_eq!(config.inactivity, Duration::from_secs(300));
    assert_eq!(config.fault, Fault::LoseEvery(50));
    assert_eq!((config.rtp_ports.pairs(), config.rtp_ports.pair(0), config.rtp_ports.pair(5)), (4, 20_002, 20_004));
    assert_eq!(config.sip_servers[1].port, 5071);
    assert!(config.knows("192.0.2.5".parse().unwrap()));
    assert!(!config.knows("192.0.2.9".parse().unwrap()));
    let again = Config::parse(&toml::to_string(&config).unwrap()).unwrap();
    assert_eq!(again.answer_after, config.answer_after);
    assert_eq!(again.suites, config.suites);
}

#[test]
fn what_is_wrong_is_named() {
    let unknown = complaint("user = \"1\"\nusre = \"7878\"\n");
    assert!(unknown.contains("usre") && unknown.contains("line 2"), "{unknown}");
    let server = complaint("[[sip_server]]\naddress = \"192.0.2.5\"\nprio = 1\n");
    assert!(server.contains("prio"), "{server}");
    assert!(complaint("suites = [\"AES_1\"]").contains("AES_1"));
    assert!(complaint("answer_after = \"soon\"").contains("soon"));
    assert!(complaint("answer_after = \"99999999999999999999s\"").contains("expected a duration"));
    assert!(complaint("rtp_ports = \"9-1\"").contains("9-1"));
    assert!(complaint("rtp_ports = \"7-7\"").contains("rtp_ports"));
    assert!(complaint("transports = []").contains("transports"));
    assert!(complaint("suites = []").contains("suites"));
    assert!(complaint("codecs = []").contains("codecs"));
    assert!(complaint("min_session = \"89s\"").contains("min_session"));
    for key in ["max_sessions", "max_connections", "max_connections_per_peer"] {
        assert!(complaint(&format!("{key} = 0")).contains(key), "{key}");
    }
    for key in ["handshake_timeout", "message_timeout", "idle_timeout"] {
        assert!(complaint(&format!("{key} = \"0s\"")).contains(key), "{key}");
    }
    let missing = Config::load(Path::new("does/not/exist.toml")).unwrap_err().to_string();
    assert!(missing.contains("does/not/exist.toml"), "{missing}");
}
