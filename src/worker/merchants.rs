//! Several merchants in one Worker. `GWOP_MERCHANTS` defines the first path segment of each
//! merchant, and the merchant's own settings. All other code sees one merchant: the environment
//! that this module creates has the secrets of that merchant and of nobody else.

use std::cell::RefCell;
use std::fmt;
use std::rc::Rc;

use js_sys::futures::JsFuture;
use js_sys::{Array, JSON, Map, Object, Promise, Reflect};
use wasm_bindgen::{JsCast, JsValue};
use worker::Env;

use super::bounds::is_merchant_key;
use super::platform::config::{self, Out};
use super::platform::{log, now_ms};
use super::segments::{Asked, Secrets, Segments, Shared, shared};

/// Settings that a merchant has of its own or not at all. With the Worker's settings, the merchant
/// would have access to what is not its own.
const NEVER_SHARED: [&str; 5] = [
    config::GWOP_MERCHANT_ID,
    config::GWOP_WEBHOOK_SECRET,
    config::GWOP_MERCHANT_API_KEY,
    config::AUTH_SECRET,
    config::OPERATOR_TOKEN,
];
/// Where events are sent. A merchant that sets one of them uses only its own settings for both. A
/// merchant that sets neither uses the Worker's settings, with its binding and its hook.
const FULFILLMENT: [&str; 2] = [config::FULFILLMENT_URL, config::FULFILLMENT_SECRET];
/// The same for alerts.
const ALERTS: [&str; 2] = [config::ALERT_URL, config::ALERT_SECRET];
/// Settings that a merchant may have of its own. Otherwise it uses the Worker's.
const SHARED: [&str; 4] = [
    config::TOKEN_AUDIENCE,
    config::SESSION_CHECK,
    config::CORS_ORIGINS,
    config::RECONCILE_SINCE,
];

/// The maximum number of keys in one call to a KV namespace.
const AT_ONCE: usize = 100;
/// The maximum number of merchants in one call, beside [`COMPARED`].
const KEYS_AT_ONCE: usize = AT_ONCE - 1;
/// The entry of a KV namespace in which the Worker stores which merchants have to be compared. No
/// merchant's key contains such a character.
const COMPARED: &str = "_compared";
/// How many values of the variable, and how many namespaces, an isolate caches. A router may call
/// the Worker with several environments.
const KEPT_SOURCES: usize = 4;

/// Why a merchant cannot be served.
#[derive(Debug)]
pub(super) enum Unusable {
    /// `GWOP_MERCHANTS` cannot be read now. It may be readable later.
    Unread,
    /// Too many segments that name no merchant were looked up recently.
    Full,
    /// `GWOP_MERCHANTS` or the merchant's settings are invalid. The log names the merchant.
    NotUnderstood,
    /// The merchant has the same secret as another one, or as the Worker.
    Shared(Shared),
}

impl fmt::Display for Unusable {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unread => formatter.write_str("GWOP_MERCHANTS cannot be read now: try again"),
            Self::Full => formatter.write_str("Too many unknown paths: try again later"),
            Self::NotUnderstood => {
                formatter.write_str("GWOP_MERCHANTS cannot be used: the log says of whom")
            }
            Self::Shared(pair) => write!(formatter, "GWOP_MERCHANTS: {pair}"),
        }
    }
}

/// Returns whether there are several merchants.
pub(super) fn is_on(env: &Env) -> bool {
    config::is_bound(env, config::MERCHANTS)
}

/// Returns the environment of the merchant with this key, or `None` if there is no such merchant.
///
/// # Errors
/// Returns [`Unusable`] after writing a log line.
pub(super) async fn find(env: &Env, key: &str) -> Result<Option<Env>, Unusable> {
    found(env, key, Who::Anybody).await
}

/// The source of a merchant's key.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Who {
    /// The path of a request.
    Anybody,
    /// Stored data: the merchant existed once.
    Ourselves,
}

async fn found(env: &Env, key: &str, who: Who) -> Result<Option<Env>, Unusable> {
    if !is_merchant_key(key) {
        return Ok(None);
    }
    match settings_of(env, key, who).await {
        Ok(found) => Ok(found.map(|settings| overlaid(env, key, Ok(&settings)))),
        Err(unusable) => {
            said(key, &unusable);
            Err(unusable)
        }
    }
}

/// Returns the environment for the stored data of the merchant with this key. For an empty key it
/// is this environment. For a merchant that is missing or invalid, it is an environment in which
/// every part is off, and [`config::out`] returns why.
pub(super) async fn env_of(env: &Env, key: &str) -> Env {
    if key.is_empty() {
        return env.clone();
    }
    let why = match found(env, key, Who::Ourselves).await {
        Ok(Some(found)) => return found,
        Ok(None) => {
            log::error("merchant_unknown", &[("merchant", key.into())]);
            Out::Gone
        }
        Err(Unusable::Unread | Unusable::Full) => Out::Unread,
        Err(Unusable::NotUnderstood | Unusable::Shared(_)) => Out::Unusable,
    };
    overlaid(env, key, Err(why))
}

/// Returns the keys of all merchants, in their order. If a KV namespace has more than a thousand,
/// returns the first thousand.
///
/// # Errors
/// Returns [`Unusable`] after writing a log line.
pub(super) async fn keys(env: &Env) -> Result<Vec<String>, Unusable> {
    let names = if let Some(store) = namespace(env) {
        listed(&store).await.map(|(keys, _)| keys)
    } else {
        with_parsed(env, |parsed| {
            let all = parsed.merchants.as_ref().ok_or(Unusable::NotUnderstood)?;
            let keys = all.iter().map(|(key, _)| key);
            Ok(keys.filter(|key| is_merchant_key(key)).cloned().collect())
        })
    };
    let mut keys: Vec<String> = names.inspect_err(|unusable| said("", unusable))?;
    keys.sort_unstable();
    Ok(keys)
}

/// Compares all merchants, and returns what is wrong with them. Each problem is a sentence that
/// names merchants and variables, and no value. Problems found in a KV namespace are stored there,
/// so that every isolate compares those two merchants. If the namespace has more than a thousand
/// merchants, compares the first thousand.
///
/// # Errors
/// Returns [`Unusable`] after writing a log line.
pub(super) async fn problems(env: &Env) -> Result<Vec<String>, Unusable> {
    let (unusable, pairs) = if let Some(store) = namespace(env) {
        let compared = compared(env, &store).await;
        compared.inspect_err(|unusable| said("", unusable))?
    } else {
        with_parsed(env, |parsed| {
            let Some(all) = &parsed.merchants else {
                return (vec![String::new()], vec![]);
            };
            let unusable = all.iter().filter(|(_, merchant)| merchant.is_none());
            let unusable = unusable.map(|(key, _)| key.clone()).collect();
            (unusable, parsed.shared.clone())
        })
    };
    let told = unusable.iter().map(|key| match key.as_str() {
        "" => "GWOP_MERCHANTS is no JSON object".to_owned(),
        key if !is_merchant_key(key) => [
            key,
            " is no path segment of a merchant: up to 63 lower-case letters, digits and dashes, the \
             first no dash, and none of the Worker's own paths",
        ]
        .concat(),
        key => [key, " is no object, or has a name that is not known"].concat(),
    });
    Ok(told.chain(pairs.iter().map(ToString::to_string)).collect())
}

/// Returns whether [`problems`] reads a whole KV namespace.
pub(super) fn is_costly(env: &Env) -> bool {
    namespace(env).is_some()
}

fn is_known(name: &str) -> bool {
    let tables: [&[&str]; 4] = [&NEVER_SHARED, &FULFILLMENT, &ALERTS, &SHARED];
    tables.iter().any(|table| table.contains(&name))
}

/// Logs which merchant cannot be used, and why. It never logs a value.
fn said(key: &str, unusable: &Unusable) {
    let merchant = ("merchant", key.into());
    match unusable {
        // The response is enough: strangers must not fill the log too.
        Unusable::Full => {}
        Unusable::Unread => log::error("merchants_unread", &[merchant]),
        Unusable::NotUnderstood => {
            let variable = ("variable", config::MERCHANTS.into());
            log::error("not_understood", &[variable, merchant]);
        }
        Unusable::Shared(pair) => {
            let other = pair.keys.iter().find(|of| *of != key);
            let other = other.map(String::as_str).unwrap_or_default();
            log::error(
                "merchants_share",
                &[
                    merchant,
                    ("other", other.into()),
                    ("variable", pair.name.into()),
                ],
            );
        }
    }
}

/// The configuration of a merchant.
#[derive(Clone)]
struct Merchant {
    settings: Object,
    secrets: Rc<Secrets>,
    /// The merchants with which it has to be compared, besides the Worker itself.
    others: Rc<Vec<String>>,
}

impl Merchant {
    /// Returns a merchant with these settings, or `None` if they are invalid.
    fn of(settings: JsValue) -> Option<Self> {
        let settings = plain_object(settings)?;
        let names = Object::keys(&settings);
        let known = |name: JsValue| name.as_string().is_some_and(|name| is_known(&name));
        names.iter().all(known).then(|| Self {
            secrets: Rc::new(secrets_of(settings.unchecked_ref())),
            settings,
            others: Rc::default(),
        })
    }
}

/// Returns the values of this environment that nobody else may have.
fn secrets_of(env: &Env) -> Secrets {
    let of = |name| {
        config::values(env, name)
            .into_iter()
            .map(move |value| (name, value))
    };
    NEVER_SHARED.into_iter().flat_map(of).collect()
}

fn plain_object(value: JsValue) -> Option<Object> {
    if value.is_object() && !Array::is_array(&value) {
        value.dyn_into().ok()
    } else {
        None
    }
}

/// The parsed contents of a variable or a secret. An isolate parses them once.
struct Parsed {
    /// The source: the value, and the Worker's own secrets.
    from: Vec<JsValue>,
    /// The merchants by key. An entry is `None` if the merchant's settings are invalid. All of it
    /// is `None` if the whole value is invalid.
    merchants: Option<Vec<(String, Option<Merchant>)>>,
    shared: Vec<Shared>,
}

impl Parsed {
    fn of(env: &Env, from: Vec<JsValue>) -> Self {
        let value = config::value(env, config::MERCHANTS);
        let parsed = match value.as_string() {
            Some(text) => JSON::parse(&text).ok(),
            None => Some(value),
        };
        let merchants = parsed.and_then(plain_object).map(|all| {
            let names = Object::keys(&all);
            let keys = names.iter().filter_map(|name| name.as_string());
            keys.map(|key| {
                let settings = Reflect::get(&all, &JsValue::from_str(&key));
                // A key that cannot be a path segment is kept for `problems` only.
                let settings = settings.ok().filter(|_| is_merchant_key(&key));
                (key, settings.and_then(Merchant::of))
            })
            .collect::<Vec<_>>()
        });
        let own = secrets_of(env);
        let mut all = vec![("", &own)];
        for (key, merchant) in merchants.iter().flatten() {
            if let Some(merchant) = merchant {
                all.push((key.as_str(), &merchant.secrets));
            }
        }
        let shared = shared(&NEVER_SHARED, &all);
        Self {
            from,
            merchants,
            shared,
        }
    }
}

/// Passes the parsed contents of the variable to `work`.
fn with_parsed<T>(env: &Env, work: impl FnOnce(&Parsed) -> T) -> T {
    thread_local! {
        static PARSED: RefCell<Vec<Parsed>> = const { RefCell::new(vec![]) };
    }
    let names = [config::MERCHANTS].into_iter().chain(NEVER_SHARED);
    let from: Vec<JsValue> = names.map(|name| config::value(env, name)).collect();
    PARSED.with_borrow_mut(|kept| {
        // Texts are equal if their contents are equal. Objects are equal if they are the same
        // object.
        let at = kept.iter().position(|parsed| parsed.from == from);
        let parsed = match at {
            Some(at) => kept.remove(at),
            None => Parsed::of(env, from),
        };
        let done = work(&parsed);
        kept.insert(0, parsed);
        kept.truncate(KEPT_SOURCES);
        done
    })
}

/// The methods of a KV namespace. `worker`'s own methods need serde for options and metadata, which
/// are not used here and would be 5 % of the Worker.
#[allow(unsafe_code)] // wasm-bindgen's generated glue.
mod kv {
    use super::{Array, JsValue, Object, Promise};
    use wasm_bindgen::prelude::wasm_bindgen;

    #[wasm_bindgen]
    extern "C" {
        pub type Namespace;
        #[wasm_bindgen(method, catch)]
        pub fn get(this: &Namespace, keys: &Array, kind: &str) -> Result<Promise, JsValue>;
        #[wasm_bindgen(method, catch)]
        pub fn put(this: &Namespace, key: &str, value: &str) -> Result<Promise, JsValue>;
        #[wasm_bindgen(method, catch)]
        pub fn list(this: &Namespace, options: &Object) -> Result<Promise, JsValue>;
    }
}

/// Returns the KV namespace that is bound as `GWOP_MERCHANTS`, if one is. It stores each merchant's
/// settings under the merchant's key.
fn namespace(env: &Env) -> Option<kv::Namespace> {
    let value = config::value(env, config::MERCHANTS);
    if !value.is_object() {
        return None;
    }
    let get = Reflect::get(&value, &JsValue::from_str("getWithMetadata")).ok()?;
    get.is_function().then(|| value.unchecked_into())
}

/// Returns the result of a call to a namespace.
async fn result_of(asked: Result<Promise, JsValue>) -> Result<JsValue, Unusable> {
    let asked = asked.map_err(|_| Unusable::Unread)?;
    JsFuture::from(asked).await.map_err(|_| Unusable::Unread)
}

/// Returns the texts under these keys, and the text of [`COMPARED`].
async fn texts(store: &kv::Namespace, keys: &[String]) -> Result<Map, Unusable> {
    let names = Array::of1(&JsValue::from_str(COMPARED));
    for key in keys {
        names.push(&JsValue::from_str(key));
    }
    let found = result_of(store.get(&names, "text")).await?;
    found.dyn_into().map_err(|_| Unusable::Unread)
}

fn text(texts: &Map, key: &str) -> Option<String> {
    texts.get(&JsValue::from_str(key)).as_string()
}

async fn settings_of(env: &Env, key: &str, who: Who) -> Result<Option<Object>, Unusable> {
    if let Some(store) = namespace(env) {
        return settings_in(env, &store, key, who).await;
    }
    with_parsed(env, |parsed| {
        let all = parsed.merchants.as_ref().ok_or(Unusable::NotUnderstood)?;
        let Some((_, merchant)) = all.iter().find(|(of, _)| of == key) else {
            return Ok(None);
        };
        let merchant = merchant.as_ref().ok_or(Unusable::NotUnderstood)?;
        match parsed.shared.iter().find(|pair| pair.is_about(key)) {
            Some(pair) => Err(Unusable::Shared(pair.clone())),
            None => Ok(Some(merchant.settings.clone())),
        }
    })
}

async fn settings_in(
    env: &Env,
    store: &kv::Namespace,
    key: &str,
    who: Who,
) -> Result<Option<Object>, Unusable> {
    let Some(merchant) = merchant_in(env, store, key, who).await? else {
        return Ok(None);
    };
    let merchant = merchant.ok_or(Unusable::NotUnderstood)?;
    let own = secrets_of(env);
    let alike = |other: &str, secrets: &Secrets| {
        let both = shared(&NEVER_SHARED, &[(other, secrets), (key, &merchant.secrets)]);
        both.into_iter().next().map(Unusable::Shared)
    };
    if let Some(unusable) = alike("", &own) {
        return Err(unusable);
    }
    for other in merchant.others.iter() {
        // The current settings are compared, so a merchant that was corrected is accepted again.
        if let Some(Some(found)) = merchant_in(env, store, other, Who::Ourselves).await?
            && let Some(unusable) = alike(other, &found.secrets)
        {
            return Err(unusable);
        }
    }
    Ok(Some(merchant.settings))
}

/// What an isolate has cached of a KV namespace.
type Known = Segments<Option<Merchant>>;

/// Passes the cached data of the bound namespace to `work`.
fn with_known<T>(env: &Env, work: impl FnOnce(&mut Known) -> T) -> T {
    thread_local! {
        static KNOWN: RefCell<Vec<(JsValue, Known)>> = const { RefCell::new(vec![]) };
    }
    let namespace = config::value(env, config::MERCHANTS);
    KNOWN.with_borrow_mut(|kept| {
        let at = kept.iter().position(|(of, _)| *of == namespace);
        let (namespace, mut known) = match at {
            Some(at) => kept.remove(at),
            None => (namespace, Known::default()),
        };
        let done = work(&mut known);
        kept.insert(0, (namespace, known));
        kept.truncate(KEPT_SOURCES);
        done
    })
}

/// Returns the merchant with this key. The inner value is `None` if its settings are invalid.
#[allow(clippy::option_option)] // Whether it is there, and whether it can be used.
async fn merchant_in(
    env: &Env,
    store: &kv::Namespace,
    key: &str,
    who: Who,
) -> Result<Option<Option<Merchant>>, Unusable> {
    match with_known(env, |known| known.ask(key, now_ms())) {
        Asked::Known(merchant) => return Ok(Some(merchant)),
        Asked::Nobody => return Ok(None),
        Asked::Full if who == Who::Anybody => return Err(Unusable::Full),
        Asked::Full | Asked::Read => {}
    }
    let texts = texts(store, &[key.to_owned()]).await?;
    Ok(with_known(env, |known| {
        let found = text(&texts, key).map(|found| {
            let others = text(&texts, COMPARED);
            kept_of(known, key, &found, others.as_deref())
        });
        known.keep(key, found.clone(), now_ms(), config::merchants_kept_ms(env));
        found
    }))
}

/// Reads a merchant from the namespace. It has to be compared with the merchants that the entry
/// names, and with those that this isolate has cached and that have the same secret.
fn kept_of(known: &mut Known, key: &str, text: &str, others: Option<&str>) -> Option<Merchant> {
    let mut merchant = Merchant::of(JSON::parse(text).ok()?)?;
    let compared = others.and_then(|text| JSON::parse(text).ok());
    let others = compared.and_then(|all| Reflect::get(&all, &JsValue::from_str(key)).ok());
    let mut names = match others {
        Some(others) if Array::is_array(&others) => {
            let others = Array::from(&others);
            others.iter().filter_map(|name| name.as_string()).collect()
        }
        _ => vec![],
    };
    known.change(now_ms(), |other, found| {
        let Some(found) = found.as_mut().filter(|_| other != key) else {
            return;
        };
        let both = [
            (other, found.secrets.as_ref()),
            (key, merchant.secrets.as_ref()),
        ];
        if !shared(&NEVER_SHARED, &both).is_empty() {
            names.push(other.to_owned());
            Rc::make_mut(&mut found.others).push(key.to_owned());
        }
    });
    merchant.others = Rc::new(names);
    Some(merchant)
}

/// Returns the keys of the merchants in the namespace, and the names that cannot be merchant keys.
async fn listed(store: &kv::Namespace) -> Result<(Vec<String>, Vec<String>), Unusable> {
    // A page has a thousand keys.
    let page = result_of(store.list(&Object::new())).await?;
    let keys = Reflect::get(&page, &JsValue::from_str("keys")).map_err(|_| Unusable::Unread)?;
    let name = JsValue::from_str("name");
    let keys = Array::from(&keys);
    let names = keys.iter().filter_map(|key| {
        let name = Reflect::get(&key, &name).ok()?.as_string()?;
        (name != COMPARED).then_some(name)
    });
    Ok(names.partition(|name| is_merchant_key(name)))
}

/// Reads the whole namespace. Returns the merchants with invalid settings, and the pairs of
/// merchants with the same secret.
async fn compared(
    env: &Env,
    store: &kv::Namespace,
) -> Result<(Vec<String>, Vec<Shared>), Unusable> {
    let (keys, mut unusable) = listed(store).await?;
    let (mut found, mut before) = (vec![], None);
    for some in keys.chunks(KEYS_AT_ONCE) {
        let texts = texts(store, some).await?;
        before = text(&texts, COMPARED);
        for key in some {
            let Some(text) = text(&texts, key) else {
                continue;
            };
            match JSON::parse(&text).ok().and_then(Merchant::of) {
                Some(merchant) => found.push((key.as_str(), merchant.secrets)),
                None => unusable.push(key.clone()),
            }
        }
    }
    let own = secrets_of(env);
    let mut all = vec![("", &own)];
    all.extend(found.iter().map(|(key, secrets)| (*key, secrets.as_ref())));
    let pairs = shared(&NEVER_SHARED, &all);
    keep_compared(store, &pairs, before.as_deref()).await;
    Ok((unusable, pairs))
}

/// Stores in the namespace which merchants have to be compared, unless it is stored already: by
/// key, the keys of the others. Every isolate reads it.
async fn keep_compared(store: &kv::Namespace, pairs: &[Shared], before: Option<&str>) {
    let compared = Object::new();
    for [one, other] in pairs.iter().map(|pair| &pair.keys) {
        // Every merchant is compared with the Worker itself anyway.
        if one.is_empty() {
            continue;
        }
        for (key, with) in [(one, other), (other, one)] {
            let (key, with) = (JsValue::from_str(key), JsValue::from_str(with));
            let others = match Reflect::get(&compared, &key) {
                Ok(others) if Array::is_array(&others) => Array::from(&others),
                _ => Array::new(),
            };
            if !others.includes(&with, 0) {
                others.push(&with);
            }
            // Setting a property of a plain object does not fail.
            let _ = Reflect::set(&compared, &key, &others);
        }
    }
    let text = JSON::stringify(&compared)
        .ok()
        .and_then(|text| text.as_string());
    let text = text.unwrap_or_default();
    if before.unwrap_or("{}") != text && result_of(store.put(COMPARED, &text)).await.is_err() {
        log::error("merchants_uncompared", &[]);
    }
}

/// Returns the environment with a merchant's settings in place of the Worker's own. Without
/// settings, every part that needs one is off, and the environment says why.
fn overlaid(env: &Env, key: &str, settings: Result<&Object, Out>) -> Env {
    let why = settings.err();
    let settings = settings.ok();
    let own = Object::assign(&Object::new(), env.unchecked_ref());
    let put = |name: &str, value: &JsValue| {
        // Setting a property of a plain object does not fail.
        let _ = Reflect::set(&own, &JsValue::from_str(name), value);
    };
    let given = |name: &str| {
        let name = JsValue::from_str(name);
        let settings = settings.filter(|settings| Object::has_own(settings, &name));
        settings.and_then(|settings| Reflect::get(settings, &name).ok())
    };
    // The environment has the settings of this merchant only.
    put(config::MERCHANTS, &JsValue::UNDEFINED);
    put(config::MERCHANT, &JsValue::from_str(key));
    if let Some(why) = why {
        put(config::MERCHANT_OUT, &JsValue::from_str(why.as_str()));
    }
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
