//! Several merchants in one Worker. `GWOP_MERCHANTS` says by which first segment of a path each is
//! known, and what it has of its own. Everything else sees one merchant: the environment that is
//! made here holds that merchant's secrets, and nobody else's.

use std::cell::RefCell;
use std::collections::BTreeMap;

use js_sys::{Array, JSON, Object, Reflect};
use wasm_bindgen::{JsCast, JsValue};
use worker::Env;
use worker::kv::KvStore;

use super::bounds::is_merchant_key;
use super::platform::{config, log, now_ms};

/// What a merchant has of its own or not at all: with the Worker's it would be let in where it is
/// not at home.
const NEVER_SHARED: [&str; 5] = [
    config::GWOP_MERCHANT_ID,
    config::GWOP_WEBHOOK_SECRET,
    config::GWOP_MERCHANT_API_KEY,
    config::AUTH_SECRET,
    config::OPERATOR_TOKEN,
];
/// Where events go: a merchant that names one of them has both of its own, and one that names
/// neither has the Worker's, with its binding and its hook.
const FULFILLMENT: [&str; 2] = [config::FULFILLMENT_URL, config::FULFILLMENT_SECRET];
/// The same of alerts.
const ALERTS: [&str; 2] = [config::ALERT_URL, config::ALERT_SECRET];
/// What a merchant may have of its own, and otherwise shares.
const SHARED: [&str; 4] = [
    config::TOKEN_AUDIENCE,
    config::SESSION_CHECK,
    config::CORS_ORIGINS,
    config::RECONCILE_SINCE,
];

/// How long what a KV namespace says of a merchant is kept, in milliseconds.
const KEPT_MS: i64 = 60_000;
/// Of how many merchants an isolate keeps that.
const KEPT_MERCHANTS: usize = 1_000;
/// How many merchants a page of a KV namespace lists.
const PAGE: u64 = 1_000;

/// What `GWOP_MERCHANTS` says cannot be had, or cannot be used. The log has a line of it.
#[derive(Debug)]
pub struct Unusable;

/// Whether there are several merchants.
pub fn is_on(env: &Env) -> bool {
    config::is_bound(env, config::MERCHANTS)
}

/// The environment of the merchant with this key; `None` where there is no such merchant.
///
/// # Errors
/// [`Unusable`].
pub async fn find(env: &Env, key: &str) -> Result<Option<Env>, Unusable> {
    if !is_merchant_key(key) {
        return Ok(None);
    }
    let settings = match settings_of(env, key).await {
        Ok(None) => return Ok(None),
        Ok(Some(settings)) => settings,
        Err(Unusable) => return Err(not_understood(key)),
    };
    let names = Object::keys(&settings);
    let known = |name: JsValue| name.as_string().is_some_and(|name| is_known(&name));
    if !names.iter().all(known) {
        return Err(not_understood(key));
    }
    Ok(Some(overlaid(env, key, Some(&settings))))
}

/// The environment of the merchant with this key, for what is stored of it. With an empty key this
/// one; of a merchant that is gone or cannot be read one in which every part is off.
pub async fn env_of(env: &Env, key: &str) -> Env {
    if key.is_empty() {
        return env.clone();
    }
    match find(env, key).await {
        Ok(Some(found)) => return found,
        Ok(None) => log::error("merchant_unknown", &[("merchant", key.into())]),
        Err(Unusable) => {}
    }
    overlaid(env, key, None)
}

/// The keys of all merchants, in their order. Of more than a thousand in a KV namespace, the first
/// thousand.
///
/// # Errors
/// [`Unusable`].
pub async fn keys(env: &Env) -> Result<Vec<String>, Unusable> {
    let names: Vec<String> = if let Some(store) = namespace(env) {
        let listed = store.list().limit(PAGE).execute().await;
        let listed = listed.map_err(|_| not_understood(""))?;
        listed.keys.into_iter().map(|key| key.name).collect()
    } else {
        let all = all(env).map_err(|Unusable| not_understood(""))?;
        let names = all.map(|all| Object::keys(&all)).unwrap_or_default();
        names.iter().filter_map(|name| name.as_string()).collect()
    };
    let mut keys: Vec<String> = names
        .into_iter()
        .filter(|name| is_merchant_key(name))
        .collect();
    keys.sort_unstable();
    Ok(keys)
}

fn is_known(name: &str) -> bool {
    let tables: [&[&str]; 4] = [&NEVER_SHARED, &FULFILLMENT, &ALERTS, &SHARED];
    tables.iter().any(|table| table.contains(&name))
}

/// Says of which merchant something cannot be used; never what.
fn not_understood(key: &str) -> Unusable {
    log::error(
        "not_understood",
        &[
            ("variable", config::MERCHANTS.into()),
            ("merchant", key.into()),
        ],
    );
    Unusable
}

/// All merchants with their settings, where a variable or a secret holds them.
fn all(env: &Env) -> Result<Option<Object>, Unusable> {
    let value = config::value(env, config::MERCHANTS);
    if value.is_null_or_undefined() {
        return Ok(None);
    }
    let parsed = match value.as_string() {
        Some(text) => JSON::parse(&text).map_err(|_| Unusable)?,
        None => value,
    };
    plain_object(parsed).map(Some)
}

fn plain_object(value: JsValue) -> Result<Object, Unusable> {
    if value.is_object() && !Array::is_array(&value) {
        value.dyn_into().map_err(|_| Unusable)
    } else {
        Err(Unusable)
    }
}

/// The KV namespace that holds a merchant's settings under its key, where it is bound as
/// `GWOP_MERCHANTS`.
fn namespace(env: &Env) -> Option<KvStore> {
    let value = config::value(env, config::MERCHANTS);
    if !value.is_object() {
        return None;
    }
    let get = Reflect::get(&value, &JsValue::from_str("getWithMetadata")).ok()?;
    get.is_function()
        .then(|| KvStore::from_this(env, config::MERCHANTS).ok())?
}

async fn settings_of(env: &Env, key: &str) -> Result<Option<Object>, Unusable> {
    let Some(store) = namespace(env) else {
        let Some(all) = all(env)? else {
            return Ok(None);
        };
        let name = JsValue::from_str(key);
        // Not what every object has, such as `constructor`.
        if !Object::has_own(&all, &name) {
            return Ok(None);
        }
        return plain_object(Reflect::get(&all, &name).map_err(|_| Unusable)?).map(Some);
    };
    let text = match kept(key) {
        Some(text) => text,
        None => {
            let text = store.get(key).text().await.map_err(|_| Unusable)?;
            keep(key, text.clone());
            text
        }
    };
    match text {
        None => Ok(None),
        Some(text) => plain_object(JSON::parse(&text).map_err(|_| Unusable)?).map(Some),
    }
}

/// What a KV namespace says of a merchant, and until when that is kept.
type Kept = BTreeMap<String, (Option<String>, i64)>;

thread_local! {
    static KEPT: RefCell<Kept> = const { RefCell::new(BTreeMap::new()) };
}

/// What a KV namespace said of a merchant a short time ago.
#[allow(clippy::option_option)] // Whether it is kept, and whether there is such a merchant.
fn kept(key: &str) -> Option<Option<String>> {
    KEPT.with_borrow(|kept| {
        let (text, until) = kept.get(key)?;
        (now_ms() < *until).then(|| text.clone())
    })
}

fn keep(key: &str, text: Option<String>) {
    KEPT.with_borrow_mut(|kept| {
        if kept.len() >= KEPT_MERCHANTS {
            kept.clear();
        }
        kept.insert(key.to_owned(), (text, now_ms().saturating_add(KEPT_MS)));
    });
}

/// The environment with a merchant's settings in place of the Worker's own. Without settings every
/// part that needs one is off.
fn overlaid(env: &Env, key: &str, settings: Option<&Object>) -> Env {
    let own = Object::assign(&Object::new(), env.unchecked_ref());
    let put = |name: &str, value: &JsValue| {
        // A plain object takes any property.
        let _ = Reflect::set(&own, &JsValue::from_str(name), value);
    };
    let given = |name: &str| {
        let name = JsValue::from_str(name);
        let settings = settings.filter(|settings| Object::has_own(settings, &name));
        settings.and_then(|settings| Reflect::get(settings, &name).ok())
    };
    // Nobody's settings but this merchant's.
    put(config::MERCHANTS, &JsValue::UNDEFINED);
    put(config::MERCHANT, &JsValue::from_str(key));
    for name in NEVER_SHARED {
        put(name, &given(name).unwrap_or(JsValue::UNDEFINED));
    }
    for name in SHARED {
        if let Some(value) = given(name) {
            put(name, &value);
        }
    }
    let hooks = Object::new();
    for (names, hook) in [(FULFILLMENT, config::ON_EVENT), (ALERTS, config::ON_ALERT)] {
        let has_own = settings.is_none() || names.iter().any(|name| given(name).is_some());
        if has_own {
            for name in names {
                put(name, &given(name).unwrap_or(JsValue::UNDEFINED));
            }
            if hook == config::ON_EVENT {
                put(config::FULFILLMENT, &JsValue::UNDEFINED);
            }
        } else if let Some(function) = config::hook(env, hook) {
            let _ = Reflect::set(&hooks, &JsValue::from_str(hook), &function);
        }
    }
    put(config::HOOKS, &hooks);
    own.unchecked_into()
}
