//! Variables, secrets and bindings, by name. `docs/worker.md` has the table.

use worker::Env;

/// Secrets that Gwop signs webhooks with, comma-separated during a rotation.
pub const GWOP_WEBHOOK_SECRET: &str = "GWOP_WEBHOOK_SECRET";
/// The merchant key (`sk_m_…`), for auth.
pub const GWOP_MERCHANT_API_KEY: &str = "GWOP_MERCHANT_API_KEY";
/// The merchant's id, which tokens must carry as `mid`.
pub const GWOP_MERCHANT_ID: &str = "GWOP_MERCHANT_ID";
/// Secrets that `exchange_secret` is derived from, comma-separated, the current one first.
pub const AUTH_SECRET: &str = "AUTH_SECRET";
/// Gwop's identity host.
pub const GWOP_IDENTITY_URL: &str = "GWOP_IDENTITY_URL";
/// Gwop's host of invoices.
pub const GWOP_SERVER_URL: &str = "GWOP_SERVER_URL";
/// Who issues tokens.
pub const TOKEN_ISSUER: &str = "TOKEN_ISSUER";
/// The audience that tokens must carry; none is asked for where it is absent.
pub const TOKEN_AUDIENCE: &str = "TOKEN_AUDIENCE";
/// `never`, `always`, or for how many seconds a live answer may be reused.
pub const SESSION_CHECK: &str = "SESSION_CHECK";
/// Where events are delivered, unless the service binding [`FULFILLMENT`] is there.
pub const FULFILLMENT_URL: &str = "FULFILLMENT_URL";
/// Secrets that deliveries to fulfilment are signed with, comma-separated during a rotation.
pub const FULFILLMENT_SECRET: &str = "FULFILLMENT_SECRET";
/// The operator's bearer token, comma-separated during a rotation.
pub const OPERATOR_TOKEN: &str = "OPERATOR_TOKEN";
/// The most bytes of a request body.
pub const MAX_BODY_BYTES: &str = "MAX_BODY_BYTES";
/// Origins that may use the auth routes from a browser, comma-separated.
pub const CORS_ORIGINS: &str = "CORS_ORIGINS";

/// Service binding: fulfilment as a Worker.
pub const FULFILLMENT: &str = "FULFILLMENT";
/// Durable Objects: one per invoice, named by `invoice_id`.
pub const INVOICES: &str = "GWOP_INVOICES";
/// Durable Objects: one per public id, named by `public_invoice_id`.
pub const INVOICE_INDEX: &str = "GWOP_INVOICE_INDEX";
/// Durable Objects: one per auth session, named by `sid`.
pub const SESSIONS: &str = "GWOP_SESSIONS";
/// Queue producer: events on their way to fulfilment.
pub const FULFILMENT_QUEUE: &str = "GWOP_FULFILMENT_QUEUE";
/// Rate limiter of the auth routes, optional.
pub const AUTH_RATE_LIMITER: &str = "GWOP_AUTH_RATE_LIMITER";

/// What auth cannot do without: every merchant's tokens carry the same issuer and keys.
pub const AUTH_VARIABLES: [&str; 3] = [GWOP_MERCHANT_API_KEY, GWOP_MERCHANT_ID, AUTH_SECRET];

/// The most bytes of a request body where [`MAX_BODY_BYTES`] says nothing: 256 KiB.
const DEFAULT_MAX_BODY_BYTES: usize = 256 * 1024;

/// The value of a variable or secret; `None` where it is absent or blank.
pub fn text(env: &Env, name: &str) -> Option<String> {
    let value = env.var(name).ok()?.to_string();
    let trimmed = value.trim();
    (!trimmed.is_empty()).then(|| trimmed.to_owned())
}

/// The comma-separated values of a variable or secret.
pub fn list(env: &Env, name: &str) -> Vec<String> {
    let value = text(env, name).unwrap_or_default();
    let items = value.split(',').map(str::trim);
    items
        .filter(|item| !item.is_empty())
        .map(str::to_owned)
        .collect()
}

/// The most bytes of a request body.
pub fn max_body_bytes(env: &Env) -> usize {
    let configured = text(env, MAX_BODY_BYTES).and_then(|value| value.parse().ok());
    configured.unwrap_or(DEFAULT_MAX_BODY_BYTES)
}

/// Whether there is somewhere to deliver events to.
pub fn fulfilment_is_on(env: &Env) -> bool {
    let place = env.service(FULFILLMENT).is_ok() || text(env, FULFILLMENT_URL).is_some();
    place && text(env, FULFILLMENT_SECRET).is_some()
}

/// Times of the outbox in milliseconds. Fixed, but for the build that `tests/worker` runs.
#[derive(Clone, Copy)]
pub struct Times {
    /// How long events are kept.
    pub retention: i64,
    /// How long the queue may be silent.
    pub silence: i64,
}

/// The times of the outbox.
pub fn times(env: &Env) -> Times {
    let times = Times {
        retention: super::schedule::RETENTION_MS,
        silence: super::schedule::SILENCE_MS,
    };
    #[cfg(feature = "worker-test")]
    let times = {
        let milliseconds = |name, usual| {
            text(env, name)
                .and_then(|value| value.parse().ok())
                .unwrap_or(usual)
        };
        Times {
            retention: milliseconds("TEST_RETENTION_MS", times.retention),
            silence: milliseconds("TEST_SILENCE_MS", times.silence),
        }
    };
    #[cfg(not(feature = "worker-test"))]
    let _ = env;
    times
}

/// Whether the JWK Set of a Gwop on this machine is stored too: only in the build that `tests/worker` runs.
pub fn stores_local_keys(env: &Env) -> bool {
    cfg!(feature = "worker-test") && text(env, "TEST_STORE_KEYS").is_some()
}
