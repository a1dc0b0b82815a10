//! Questions to DNS, and to the system's own list of hosts. Knows records, and nothing of what they are for.

use crate::sip::trunk::locate::Naptr;
use crate::sip::trunk::order::Rank;
use hickory_resolver::TokioResolver;
use hickory_resolver::config::{ConnectionConfig, NameServerConfig, ResolverConfig};
use hickory_resolver::lookup::Lookup;
use hickory_resolver::net::NetError;
use hickory_resolver::net::runtime::TokioRuntimeProvider;
use hickory_resolver::proto::rr::{RData, RecordType};
use std::net::{IpAddr, SocketAddr};
use std::time::{Duration, Instant};

/// A name without such records is asked for again after this.
const NONE_FOR: Duration = Duration::from_secs(60);
/// More records of one name than these are not looked at.
const RECORDS_MAX: usize = 32;

/// Why a name leads nowhere.
#[derive(Debug, thiserror::Error)]
pub(super) enum Unresolved {
    /// There is no such name, or it has no address that could be reached.
    #[error("it has no address that a listener of ours reaches")]
    Nowhere,
    /// Nobody told.
    #[error("{0}")]
    Dns(#[from] NetError),
}

/// An SRV record (RFC 2782).
pub(super) struct Srv {
    pub rank: Rank,
    pub host: String,
    pub port: u16,
}

/// Who is asked. Cheap to copy.
#[derive(Clone)]
pub(super) struct Names {
    resolver: TokioResolver,
}

/// What was told, and until when it may be believed.
type Told<T> = Result<(Vec<T>, Instant), Unresolved>;

impl Names {
    /// Asks these servers; without any, those of the system.
    pub(super) fn new(servers: &[SocketAddr]) -> Result<Self, NetError> {
        let mut builder = if servers.is_empty() {
            TokioResolver::builder_tokio()?
        } else {
            let servers = servers.iter().map(|server| {
                let at_port = |mut connection: ConnectionConfig| {
                    connection.port = server.port();
                    connection
                };
                let connections = vec![at_port(ConnectionConfig::udp()), at_port(ConnectionConfig::tcp())];
                NameServerConfig::new(server.ip(), true, connections)
            });
            let config = ResolverConfig::from_parts(None, Vec::new(), servers.collect());
            TokioResolver::builder_with_config(config, TokioRuntimeProvider::default())
        };
        let options = builder.options_mut();
        (options.timeout, options.attempts) = (Duration::from_secs(2), 2);
        // What is asked for is asked for again when it has run out: nothing is to be remembered twice.
        options.cache_size = 0;
        Ok(Self { resolver: builder.build()? })
    }

    pub(super) async fn naptr(&self, name: &str) -> Told<Naptr> {
        self.records(name, RecordType::NAPTR, |data| match data {
            RData::NAPTR(naptr) => Some(Naptr {
                order: naptr.order,
                preference: naptr.preference,
                flags: text(&naptr.flags),
                services: text(&naptr.services),
                replacement: naptr.replacement.to_string(),
            }),
            _ => None,
        })
        .await
    }

    pub(super) async fn srv(&self, name: &str) -> Told<Srv> {
        self.records(name, RecordType::SRV, |data| match data {
            // RFC 2782: a lone dot says that there is no such service.
            RData::SRV(srv) if !srv.target.is_root() => Some(Srv {
                rank: Rank { priority: srv.priority, weight: srv.weight },
                host: srv.target.to_string(),
                port: srv.port,
            }),
            _ => None,
        })
        .await
    }

    /// Of both IP versions. Without any it is an error only when nobody told.
    pub(super) async fn addresses(&self, name: &str) -> Told<IpAddr> {
        let (four, six) = tokio::join!(
            self.records(name, RecordType::A, |data| data.ip_addr()),
            self.records(name, RecordType::AAAA, |data| data.ip_addr()),
        );
        match (four, six) {
            (Ok((mut four, until)), Ok((six, other))) => {
                let until = match (four.is_empty(), six.is_empty()) {
                    (false, true) => until,
                    (true, false) => other,
                    (true, true) | (false, false) => until.min(other),
                };
                four.extend(six);
                Ok((four, until))
            }
            // One of the two is enough to go by.
            (Ok(told), Err(_)) | (Err(_), Ok(told)) if !told.0.is_empty() => Ok(told),
            (Err(error), _) | (_, Err(error)) => Err(error),
        }
    }

    async fn records<T>(&self, name: &str, kind: RecordType, read: impl Fn(&RData) -> Option<T>) -> Told<T> {
        match self.resolver.lookup(name, kind).await {
            Ok(lookup) => Ok((read_all(&lookup, read), lookup.valid_until())),
            Err(error) if error.is_no_records_found() => Ok((Vec::new(), Instant::now() + NONE_FOR)),
            Err(error) => Err(error.into()),
        }
    }
}

fn read_all<T>(lookup: &Lookup, read: impl Fn(&RData) -> Option<T>) -> Vec<T> {
    lookup.answers().iter().take(RECORDS_MAX).filter_map(|record| read(&record.data)).collect()
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}
