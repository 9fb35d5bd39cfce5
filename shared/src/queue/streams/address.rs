//! `REDIS_URL`, parsed once: a server, a cluster, or a service that sentinels watch.

use redis::io::tcp::TcpSettings;
use redis::sentinel::SentinelNodeConnectionInfo;
use redis::{ConnectionAddr, ConnectionInfo, IntoConnectionInfo, TlsMode};

use crate::queue::QueueError;

const REDIS_PORT: u16 = 6379;
const SENTINEL_PORT: u16 = 26379;

/// Where Redis is.
#[derive(Clone)]
pub(super) enum Address {
    Server(ConnectionInfo),
    /// Nodes to ask for the others.
    Cluster(Vec<ConnectionInfo>),
    /// Sentinels to ask for the master. User and password of the URL are for the master.
    Sentinel {
        sentinels: Vec<ConnectionInfo>,
        service: String,
        node: SentinelNodeConnectionInfo,
    },
}

impl Address {
    /// Reads `redis[s]://…`, `redis[s]+cluster://[user:password@]host[:port],…` or
    /// `redis[s]+sentinel://[user:password@]host[:port],…/service-name[/database]`.
    pub(super) fn parse(url: &str) -> Result<Self, QueueError> {
        let (scheme, rest) = url.split_once("://").ok_or_else(|| malformed("it has no scheme"))?;
        match scheme {
            "redis" | "rediss" => Ok(Self::Server(server(url)?)),
            "redis+cluster" => Self::cluster("redis", rest),
            "rediss+cluster" => Self::cluster("rediss", rest),
            "redis+sentinel" => Self::sentinel("redis", rest),
            "rediss+sentinel" => Self::sentinel("rediss", rest),
            _ => Err(malformed(
                "the scheme is none of redis, rediss, redis+cluster, rediss+cluster, redis+sentinel, rediss+sentinel",
            )),
        }
    }

    fn cluster(scheme: &str, rest: &str) -> Result<Self, QueueError> {
        let (authority, tail) = split_authority(rest);
        if !tail.trim_matches('/').is_empty() {
            return Err(malformed("a cluster has no databases and no service name"));
        }
        let (user, hosts) = split_user(authority);
        Ok(Self::Cluster(servers(scheme, user, hosts, REDIS_PORT)?))
    }

    fn sentinel(scheme: &str, rest: &str) -> Result<Self, QueueError> {
        let (authority, tail) = split_authority(rest);
        let (user, hosts) = split_user(authority);
        let (service, database) =
            tail.trim_start_matches('/').split_once('/').unwrap_or((tail.trim_matches('/'), ""));
        if service.is_empty() {
            return Err(malformed("a sentinel URL ends with the name of the service"));
        }
        // The master's address comes from the sentinels; user, password and database from here.
        let master = server(&format!("{scheme}://{user}master/{database}"))?;
        let node = SentinelNodeConnectionInfo::default()
            .set_redis_connection_info(master.redis_settings().clone())
            .set_tcp_settings(no_delay());
        let node = if scheme == "rediss" { node.set_tls_mode(TlsMode::Secure) } else { node };
        let sentinels = servers(scheme, "", hosts, SENTINEL_PORT)?;
        Ok(Self::Sentinel { sentinels, service: service.to_owned(), node })
    }
}

fn malformed(reason: &str) -> QueueError {
    QueueError::Url(reason.to_owned())
}

fn split_authority(rest: &str) -> (&str, &str) {
    rest.find('/').map_or((rest, ""), |slash| rest.split_at(slash))
}

/// The user part keeps its `@`.
fn split_user(authority: &str) -> (&str, &str) {
    authority.rfind('@').map_or(("", authority), |at| authority.split_at(at + 1))
}

fn servers(scheme: &str, user: &str, hosts: &str, port: u16) -> Result<Vec<ConnectionInfo>, QueueError> {
    hosts
        .split(',')
        .map(|host| server(&format!("{scheme}://{user}{}", with_port(host.trim(), port))))
        .collect()
}

fn with_port(host: &str, port: u16) -> String {
    // An IPv6 address is in brackets, and has colons of its own.
    let after_address = host.rsplit_once(']').map_or(host, |(_, rest)| rest);
    if after_address.contains(':') { host.to_owned() } else { format!("{host}:{port}") }
}

fn server(url: &str) -> Result<ConnectionInfo, QueueError> {
    let info = url.into_connection_info().map_err(|error| {
        malformed(error.detail().map_or_else(|| error.to_string(), str::to_owned).as_str())
    })?;
    let host = match info.addr() {
        ConnectionAddr::Tcp(host, _) | ConnectionAddr::TcpTls { host, .. } => host.as_str(),
        _ => "unix",
    };
    if host.is_empty() {
        return Err(malformed("a host is missing"));
    }
    Ok(info.set_tcp_settings(no_delay()))
}

/// Small requests must not wait for one another's acknowledgement.
fn no_delay() -> TcpSettings {
    TcpSettings::default().set_nodelay(true)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn hosts(nodes: &[ConnectionInfo]) -> Vec<String> {
        nodes.iter().map(|node| node.addr().to_string()).collect()
    }

    #[test]
    fn a_cluster_lists_its_nodes() {
        let Ok(Address::Cluster(nodes)) = Address::parse("redis+cluster://:pw@one,two:7001,[::1]") else {
            panic!("not a cluster");
        };
        assert_eq!(hosts(&nodes), ["one:6379", "two:7001", "::1:6379"]);
        assert!(nodes.iter().all(|node| node.redis_settings().password() == Some("pw")));
    }

    #[test]
    fn a_sentinel_url_names_the_service_and_keeps_the_password_for_the_master() {
        let Ok(Address::Sentinel { sentinels, service, node }) =
            Address::parse("redis+sentinel://u:pw@one,two:7001/jobs/3")
        else {
            panic!("not a sentinel set");
        };
        assert_eq!(hosts(&sentinels), ["one:26379", "two:7001"]);
        assert!(sentinels.iter().all(|sentinel| sentinel.redis_settings().password().is_none()));
        assert_eq!(service, "jobs");
        let node = format!("{node:?}");
        assert!(node.contains("db: 3"), "{node}");
    }

    #[test]
    fn what_cannot_be_meant_is_refused_without_repeating_it() {
        for url in [
            "",
            "localhost:6379",
            "http://localhost",
            "redis://",
            "redis://host:port",
            "redis+cluster://",
            "redis+cluster://a,,b",
            "redis+cluster://a/1",
            "redis+sentinel://a",
            "redis+sentinel://a/",
            "redis+sentinel://a/jobs/first",
        ] {
            let refused = Address::parse(&url.replace("://", "://:sesame@")).err();
            let refused = refused.unwrap_or_else(|| panic!("{url} was accepted"));
            assert!(!refused.to_string().contains("sesame"), "{refused}");
        }
    }
}
