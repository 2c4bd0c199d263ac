//! Tests the client with a double for the transport: the requests of every operation, every retry
//! rule, every error.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::arithmetic_side_effects
)]

use std::cell::{Cell, RefCell};
use std::pin::pin;
use std::task::{Context, Poll, Waker};

use gwop::client::{
    Backoff, Bound, Call, Failure, Fault, FaultKind, OPERATIONS, RefusalCode, Request, Response,
    RetryCodes, RetryPolicy, operation,
};
use gwop::drive::drive;
use gwop::model::{Decoded, Naming};
use gwop::port::Transport;

const RANDOM: &[u8; 16] = &[0xa5; 16];

/// A request that was sent.
struct Sent {
    line: String,
    headers: Vec<(&'static str, String)>,
    body: Option<String>,
}

impl Sent {
    fn new(request: &Request<'_>) -> Self {
        let headers = request.headers().into_iter();
        let sent = headers.filter(|(_, value)| !value.is_empty());
        Self {
            line: [request.method, " ", request.url].concat(),
            headers: sent.map(|(name, value)| (name, value.to_owned())).collect(),
            body: (!request.body.is_empty()).then(|| request.body.to_owned()),
        }
    }

    fn header(&self, name: &str) -> Option<&str> {
        let found = self.headers.iter().find(|(key, _)| *key == name);
        found.map(|(_, value)| value.as_str())
    }
}

/// Responds from a list. Its clock moves only when the client sleeps or sends.
struct Double {
    responses: RefCell<Vec<Result<Response, Failure>>>,
    requests: RefCell<Vec<Sent>>,
    slept: RefCell<Vec<i64>>,
    now: Cell<i64>,
    randoms: Cell<u8>,
}

impl Double {
    fn new(responses: Vec<Result<Response, Failure>>) -> Self {
        Self {
            responses: RefCell::new(responses),
            requests: RefCell::default(),
            slept: RefCell::default(),
            now: Cell::new(784_111_777_000),
            randoms: Cell::new(0),
        }
    }

    fn keys(&self) -> Vec<String> {
        let requests = self.requests.borrow();
        requests
            .iter()
            .filter_map(|request| request.header("idempotency-key"))
            .map(str::to_owned)
            .collect()
    }

    fn attempts(&self) -> usize {
        self.requests.borrow().len()
    }
}

impl Transport for Double {
    fn now_ms(&self) -> i64 {
        self.now.get()
    }

    fn random(&self) -> Result<[u8; 16], Failure> {
        self.randoms.set(self.randoms.get() + 1);
        // The first four bytes are the jitter. Here it is the largest possible.
        let mut random = [self.randoms.get(); 16];
        random[..4].fill(0xff);
        Ok(random)
    }

    async fn send(&self, request: &Request<'_>) -> Result<Response, Failure> {
        self.requests.borrow_mut().push(Sent::new(request));
        self.now.set(self.now.get() + 10);
        self.responses.borrow_mut().remove(0)
    }

    async fn sleep(&self, delay_ms: i64) -> Result<(), Failure> {
        self.slept.borrow_mut().push(delay_ms);
        self.now.set(self.now.get() + delay_ms);
        Ok(())
    }
}

fn block_on<T>(future: impl Future<Output = T>) -> T {
    match pin!(future).poll(&mut Context::from_waker(Waker::noop())) {
        Poll::Ready(value) => value,
        Poll::Pending => panic!("a double never waits"),
    }
}

fn response(status: u16, body: &str) -> Result<Response, Failure> {
    Ok(Response {
        status,
        retry_after: None,
        body: body.as_bytes().to_vec(),
        truncated: false,
    })
}

fn limited(retry_after: &str) -> Result<Response, Failure> {
    Ok(Response {
        status: 429,
        retry_after: Some(retry_after.to_owned()),
        body: br#"{"error":{"code":"RATE_LIMITED","message":"Slow down"}}"#.to_vec(),
        truncated: false,
    })
}

/// Makes a call with a valid argument, and with a key if the operation needs one.
fn call(name: &str, argument: &str, policy: RetryPolicy) -> Box<Call> {
    let operation = operation(name).unwrap();
    let url = operation.host.url();
    let mut call = Call::new(operation, argument, Naming::JavaScript, url, RANDOM).unwrap();
    call.set_policy(policy);
    if call.needs_key() {
        call.authorize("sk_m_test").unwrap();
    }
    call
}

fn run(
    name: &str,
    argument: &str,
    policy: RetryPolicy,
    responses: Vec<Result<Response, Failure>>,
) -> (Double, Result<Decoded, Fault>, Option<String>) {
    let double = Double::new(responses);
    let mut call = call(name, argument, policy);
    let result = block_on(drive(&double, &mut call));
    let key = call.idempotency_key().map(str::to_owned);
    (double, result, key)
}

/// Returns a valid argument and a valid response for each operation.
fn sample(name: &str) -> (&'static str, &'static str) {
    match name {
        "invoices.create" => (
            r#"{"body":{"amountUsdc":1000000,"metadata":{"orderId":"1"}}}"#,
            r#"{"id":"u","public_invoice_id":"inv_a","merchant_id":"m","amount_usdc":1025000,"currency":"USDC","status":"OPEN",
                "metadata_public":false,"created_at":"1970-01-01T00:00:00Z","expires_at":"1970-01-01T00:15:00Z","agent_protocol":
                {"version":"1.0","flow":"invoice_checkout","state":"invoice_created","goal":"g","steps":[],
                "completion_check":{"method":"GET","path":"/","field":"status","success_value":"PAID"}}}"#,
        ),
        "invoices.list" => (
            r#"{"status":"PAID"}"#,
            r#"{"invoices":[],"pagination":{"total":0,"limit":20,"offset":0,"has_more":false}}"#,
        ),
        "invoices.get" => (
            r#"{"id":"inv_a/../b"}"#,
            include_str!("wire/invoice.public.open.json"),
        ),
        "invoices.cancel" => (
            r#"{"id":"u"}"#,
            r#"{"id":"u","status":"CANCELED","canceled_at":"1970-01-01T00:00:00Z"}"#,
        ),
        "authIntents.create" => ("{}", include_str!("wire/auth-intent.json")),
        "authIntents.exchange" => (
            r#"{"authIntentId":"ai_1"}"#,
            r#"{"access_token":"t","token_type":"Bearer","expires_in":900,"principal":{"sub":"base:0x","chain":"base",
                "wallet_address":"0x"},"session":{"sid":"s","sub":"base:0x","amr":["wallet"]},"account":{"id":null,"is_new_account":true}}"#,
        ),
        "authSessions.get" => (
            r#"{"sessionId":"sess_1"}"#,
            r#"{"session_id":"sess_1","status":"active","sub":"base:0x","chain":"base","wallet_address":"0x",
                "created_at":"1970-01-01T00:00:00Z","expires_at":"1970-01-01T00:00:00Z","revoked_at":null}"#,
        ),
        "authSessions.revoke" => (r#"{"sessionId":"sess_1"}"#, r#"{"revoked":true}"#),
        "auth.getJwks" => (
            "{}",
            r#"{"keys":[{"kty":"RSA","alg":"RS256","use":"sig","kid":"k","n":"AQ","e":"AQAB"}]}"#,
        ),
        other => panic!("no sample for {other}"),
    }
}

#[test]
fn every_operation_sends_what_the_contract_says() {
    let expected = [
        (
            "POST https://agents.gwop.io/v1/invoices",
            Some(r#"{"amount_usdc":1000000,"metadata":{"orderId":"1"}}"#),
            "key bearer",
        ),
        (
            "GET https://agents.gwop.io/v1/invoices?limit=20&offset=0&status=PAID",
            None,
            "bearer",
        ),
        (
            "GET https://agents.gwop.io/v1/invoices/inv_a%2F..%2Fb",
            None,
            "",
        ),
        (
            "POST https://agents.gwop.io/v1/invoices/u/cancel",
            None,
            "bearer",
        ),
        (
            "POST https://identity.gwop.io/v1/auth-intents",
            Some("{}"),
            "key bearer",
        ),
        (
            "POST https://identity.gwop.io/v1/auth-intents/ai_1/exchange",
            None,
            "key bearer",
        ),
        (
            "GET https://identity.gwop.io/v1/auth-sessions/sess_1",
            None,
            "bearer",
        ),
        (
            "POST https://identity.gwop.io/v1/auth-sessions/revoke",
            Some(r#"{"session_id":"sess_1"}"#),
            "bearer",
        ),
        (
            "GET https://identity.gwop.io/.well-known/jwks.json",
            None,
            "",
        ),
    ];
    for (operation, (line, body, extras)) in OPERATIONS.iter().zip(expected) {
        let (argument, success) = sample(operation.name);
        let (double, result, _) = run(
            operation.name,
            argument,
            RetryPolicy::default(),
            vec![response(200, success)],
        );
        assert!(result.is_ok(), "{}: {result:?}", operation.name);
        let requests = double.requests.borrow();
        let request = &requests[0];
        assert_eq!(request.line, line);
        assert_eq!(request.body.as_deref(), body);
        assert_eq!(request.header("accept"), Some("application/json"));
        assert_eq!(request.header("content-type").is_some(), body.is_some());
        let bearer = extras.contains("bearer").then_some("Bearer sk_m_test");
        assert_eq!(request.header("authorization"), bearer, "{line}");
        assert_eq!(
            request.header("idempotency-key").is_some(),
            extras.contains("key"),
            "{line}"
        );
    }
}

#[test]
fn a_public_operation_never_gets_the_key() {
    for name in ["invoices.get", "auth.getJwks"] {
        let mut call = call(name, r#"{"id":"inv_a"}"#, RetryPolicy::default());
        assert!(!call.needs_key());
        call.authorize("sk_m_test").unwrap();
        assert_eq!(
            Sent::new(&call.attempt(0, RANDOM)).header("authorization"),
            None
        );
    }
}

#[test]
fn what_does_not_fit_is_refused_before_any_request() {
    let refused = |name: &str, argument: &str| {
        let operation = operation(name).unwrap();
        let refusal =
            Call::new(operation, argument, Naming::JavaScript, "https://h", RANDOM).unwrap_err();
        assert_eq!(refusal.code, RefusalCode::Argument);
        refusal.message
    };
    assert_eq!(
        refused("invoices.create", r#"{"body":{"amountUsdc":"1"}}"#),
        "Invalid argument of invoices.create: `body.amountUsdc` must be an integer"
    );
    assert!(refused("invoices.create", "{}").contains("`body` is missing: it must be an object"));
    assert!(refused("invoices.get", r#""inv_a""#).contains("`request` must be an object"));
    assert!(refused("invoices.get", "").contains("`request` must be an object"));
    for id in ["", ".", ".."] {
        let argument = [r#"{"id":""#, id, r#""}"#].concat();
        assert!(refused("invoices.get", &argument).contains("`id` must be a non-empty string"));
    }
    assert!(
        refused("authIntents.exchange", r#"{"authIntentId":""}"#)
            .contains("`authIntentId` must be a non-empty")
    );
    assert!(
        refused("authSessions.revoke", r#"{"sessionId":""}"#)
            .contains("`sessionId` must be a non-empty")
    );
    for key in ["", " a", "a\\nb", "é"] {
        let argument = [r#"{"authIntentId":"a","idempotencyKey":""#, key, r#""}"#].concat();
        assert!(refused("authIntents.exchange", &argument).contains("`idempotencyKey` must be"));
    }
    assert!(refused("invoices.list", r#"{"limit":1.5}"#).contains("`limit` must be an integer"));
}

#[test]
fn the_contracts_limits_are_the_servers_to_enforce() {
    for (name, argument) in [
        ("invoices.create", r#"{"body":{"amountUsdc":-1}}"#),
        (
            "invoices.list",
            r#"{"limit":1000,"offset":-5,"status":"NEW"}"#,
        ),
        ("invoices.get", r#"{"id":"not-an-invoice id"}"#),
    ] {
        call(name, argument, RetryPolicy::default());
    }
}

#[test]
fn the_merchant_key_is_checked_before_any_request() {
    let operation = operation("invoices.list").unwrap();
    let make = || Call::new(operation, "{}", Naming::JavaScript, "https://h", RANDOM).unwrap();
    for (key, code) in [
        ("", RefusalCode::MerchantKeyMissing),
        ("  ", RefusalCode::MerchantKeyMissing),
        ("sk_m_a\nb", RefusalCode::Argument),
        ("sk_m_é", RefusalCode::Argument),
    ] {
        let refusal = make().authorize(key).unwrap_err();
        assert_eq!(refusal.code, code);
        assert!(refusal.message.contains("merchantApiKey"));
        assert!(!refusal.message.contains("sk_m"));
    }
    let mut call = make();
    call.authorize("sk_m_test\n").unwrap();
    let request = call.attempt(0, RANDOM);
    assert_eq!(
        Sent::new(&request).header("authorization"),
        Some("Bearer sk_m_test")
    );
    let debug = format!("{request:?}");
    assert!(!format!("{debug}{call:?}").contains("sk_m_test"));
}

#[test]
fn a_base_url_may_have_a_path_and_a_trailing_slash() {
    let operation = operation("auth.getJwks").unwrap();
    let mut call = Call::new(
        operation,
        "{}",
        Naming::JavaScript,
        "http://127.0.0.1:4010/gwop/",
        RANDOM,
    )
    .unwrap();
    assert_eq!(
        call.attempt(0, RANDOM).url,
        "http://127.0.0.1:4010/gwop/.well-known/jwks.json"
    );
    let refusal = Call::new(operation, "{}", Naming::JavaScript, "gwop.io", RANDOM).unwrap_err();
    assert_eq!(refusal.code, RefusalCode::ServerUrl);
}

#[test]
fn retried_twice_with_one_key_where_the_key_is_stored() {
    for name in ["invoices.create", "authIntents.exchange"] {
        let (argument, success) = sample(name);
        let (double, result, key) = run(
            name,
            argument,
            RetryPolicy::default(),
            vec![
                Err(Failure::Timeout),
                response(503, "busy"),
                response(201, success),
            ],
        );
        assert!(result.is_ok());
        assert_eq!(*double.slept.borrow(), [500, 1_000]);
        let keys = double.keys();
        assert_eq!(keys.len(), 3);
        assert!(keys.iter().all(|each| Some(each) == key.as_ref()));
        let shape: Vec<usize> = keys[0].split('-').map(str::len).collect();
        assert_eq!(shape, [8, 4, 4, 4, 12]);
        assert_eq!(keys[0].as_bytes()[14], b'4');
        assert!(b"89ab".contains(&keys[0].as_bytes()[19]));
    }
}

#[test]
fn the_callers_own_key_is_kept_where_the_key_is_stored() {
    let (_, success) = sample("authIntents.exchange");
    let (double, result, key) = run(
        "authIntents.exchange",
        r#"{"authIntentId":"ai_1","idempotencyKey":"order 7"}"#,
        RetryPolicy::default(),
        vec![Err(Failure::Connection), response(200, success)],
    );
    assert!(result.is_ok());
    assert_eq!(double.keys(), ["order 7", "order 7"]);
    assert_eq!(key.as_deref(), Some("order 7"));
}

#[test]
fn an_auth_intent_takes_a_fresh_key_each_attempt() {
    let (argument, success) = sample("authIntents.create");
    let (double, result, key) = run(
        "authIntents.create",
        argument,
        RetryPolicy::default(),
        vec![
            Err(Failure::Timeout),
            response(500, ""),
            response(201, success),
        ],
    );
    assert!(result.is_ok());
    let mut keys = double.keys();
    assert_eq!(key, keys.last().cloned());
    keys.dedup();
    assert_eq!(keys.len(), 3);
}

#[test]
fn an_auth_intent_with_the_callers_key_is_not_retried() {
    for outcome in [Err(Failure::Timeout), response(503, ""), limited("0")] {
        let (double, result, key) = run(
            "authIntents.create",
            r#"{"idempotencyKey":"mine"}"#,
            RetryPolicy::default(),
            vec![outcome],
        );
        assert!(!result.unwrap_err().exhausted);
        assert_eq!(double.attempts(), 1);
        assert_eq!(key.as_deref(), Some("mine"));
    }
}

#[test]
fn every_operation_is_retried_at_most_twice_by_default() {
    for operation in &OPERATIONS {
        let (argument, _) = sample(operation.name);
        for outcome in [
            Err(Failure::Connection),
            Err(Failure::Timeout),
            response(429, ""),
            response(500, ""),
            response(502, ""),
            response(503, ""),
            response(504, ""),
        ] {
            let (double, result, _) = run(
                operation.name,
                argument,
                RetryPolicy::default(),
                vec![outcome; 3],
            );
            assert_eq!(double.attempts(), 3, "{}", operation.name);
            assert!(result.unwrap_err().exhausted);
        }
        for outcome in [
            Err(Failure::Aborted),
            Err(Failure::InvalidRequest),
            Err(Failure::Unexpected),
            response(400, ""),
            response(401, ""),
            response(409, ""),
            response(302, ""),
            response(501, ""),
            response(200, "<html>"),
        ] {
            let (double, result, _) = run(
                operation.name,
                argument,
                RetryPolicy::default(),
                vec![outcome],
            );
            assert_eq!(double.attempts(), 1, "{}", operation.name);
            assert!(!result.unwrap_err().exhausted);
        }
    }
}

#[test]
fn retry_after_is_waited_for_up_to_a_minute() {
    let (argument, success) = sample("invoices.list");
    let list = |responses| run("invoices.list", argument, RetryPolicy::default(), responses);
    let (double, result, _) = list(vec![
        limited("7"),
        // The clock moves 10 ms with each response, so it shows 08:49:44.020.
        limited("Sun, 06 Nov 1994 08:49:50 GMT"),
        response(200, success),
    ]);
    assert!(result.is_ok());
    assert_eq!(*double.slept.borrow(), [7_000, 5_980]);

    let (double, result, _) = list(vec![limited("61")]);
    let fault = result.unwrap_err();
    assert_eq!(fault.kind, FaultKind::RateLimit);
    assert_eq!(fault.message, "Slow down");
    assert!(double.slept.borrow().is_empty());
}

#[test]
fn an_explicit_backoff_is_bounded_by_its_time() {
    let policy = RetryPolicy {
        bound: Bound::Elapsed(1_000),
        backoff: Backoff {
            initial_interval: 100.0,
            max_interval: 200.0,
            exponent: 1.5,
        },
        ..RetryPolicy::default()
    };
    let (argument, _) = sample("invoices.get");
    let (double, result, _) = run(
        "invoices.get",
        argument,
        policy,
        vec![response(503, ""); 20],
    );
    // Each attempt takes 10 ms. Another 200 ms would end after 1,000 ms.
    assert_eq!(*double.slept.borrow(), [100, 150, 200, 200, 200]);
    assert!(result.unwrap_err().exhausted);
}

#[test]
fn an_older_surface_has_another_policy_and_the_wires_json() {
    let policy = |retries| RetryPolicy {
        bound: Bound::Retries(retries),
        codes: RetryCodes::parse(["429", "503"].into_iter()).unwrap(),
        timeouts: false,
        ..RetryPolicy::default()
    };
    let operation = operation("invoices.create").unwrap();
    let start = |retries| {
        let argument = r#"{"body":{"amount_usdc":5,"metadata_public":true},"idempotency_key":"k"}"#;
        let url = operation.host.url();
        let mut call = Call::new(operation, argument, Naming::Wire, url, RANDOM).unwrap();
        call.set_policy(policy(retries));
        call.authorize("sk_m_test").unwrap();
        call
    };
    let wire = r#"{"id":"u","metadata":{"a_b":null},"later_field":1.50}"#;
    let double = Double::new(vec![
        Err(Failure::Connection),
        response(503, ""),
        response(201, wire),
    ]);
    let done = block_on(drive(&double, &mut start(2))).unwrap();
    assert_eq!(done.json, wire);
    assert_eq!(double.keys(), ["k", "k", "k"]);
    assert_eq!(
        double.requests.borrow()[0].body.as_deref(),
        Some(r#"{"amount_usdc":5,"metadata_public":true}"#)
    );

    for (outcome, retries, attempts, exhausted) in [
        (response(503, ""), 2, 3, true),
        (response(503, ""), 0, 1, false),
        (response(500, ""), 2, 1, false),
        (Err(Failure::Timeout), 2, 1, false),
    ] {
        let double = Double::new(vec![outcome; 3]);
        let fault = block_on(drive(&double, &mut start(retries))).unwrap_err();
        assert_eq!((double.attempts(), fault.exhausted), (attempts, exhausted));
    }

    let argument = r#"{"body":{"amountUsdc":5}}"#;
    let refusal = Call::new(operation, argument, Naming::Wire, "https://h", RANDOM).unwrap_err();
    assert!(refusal.message.contains("`body.amount_usdc`"));
}

#[test]
fn a_failing_response_becomes_the_error_of_its_shape() {
    let structured =
        r#"{"error":{"code":"INVOICE_NOT_FOUND","message":"No such invoice","requestId":"req_1"}}"#;
    let never = RetryPolicy {
        bound: Bound::Retries(0),
        ..RetryPolicy::default()
    };
    for (status, body, kind) in [
        (404, structured, FaultKind::ErrorResponse),
        (500, structured, FaultKind::ErrorResponse),
        (429, structured, FaultKind::RateLimit),
        (429, "slow", FaultKind::Default),
        (404, r#"{"message":"no"}"#, FaultKind::Default),
        (502, "<html>", FaultKind::Default),
        (500, "", FaultKind::Default),
        (301, structured, FaultKind::Default),
        (0, "", FaultKind::Default),
        (200, structured, FaultKind::ResponseValidation),
        (200, "", FaultKind::ResponseValidation),
        (204, "", FaultKind::ResponseValidation),
        (200, "[]", FaultKind::ResponseValidation),
        (200, "<html>", FaultKind::ResponseValidation),
    ] {
        let (argument, _) = sample("invoices.get");
        let (_, result, _) = run(
            "invoices.get",
            argument,
            never.clone(),
            vec![response(status, body)],
        );
        let fault = result.unwrap_err();
        assert_eq!(fault.kind, kind, "{status} {body}");
        let is_structured = matches!(kind, FaultKind::ErrorResponse | FaultKind::RateLimit);
        assert_eq!(fault.error.is_some(), is_structured);
        assert_eq!(fault.message == "No such invoice", is_structured);
        assert_eq!(
            fault.message.contains("redirect"),
            status < 200 || status == 301
        );
    }
}

#[test]
fn randomness_is_asked_only_for_a_retry() {
    let gone = || {
        response(
            404,
            r#"{"error":{"code":"INVOICE_NOT_FOUND","message":"gone"}}"#,
        )
    };
    let get = |responses| {
        run(
            "invoices.get",
            r#"{"id":"inv_1"}"#,
            RetryPolicy::default(),
            responses,
        )
    };
    // Where the platform has none, what Gwop said last is still reported.
    let (double, result, _) = get(vec![gone()]);
    assert_eq!(result.unwrap_err().kind, FaultKind::ErrorResponse);
    assert_eq!(double.randoms.get(), 0);
    let (double, _, _) = get(vec![response(503, ""), gone()]);
    assert_eq!((double.attempts(), double.randoms.get()), (2, 1));
}

#[test]
fn a_body_beyond_the_bound_is_not_read_as_a_response() {
    let cut = |status, body: &str| {
        Ok(Response {
            status,
            retry_after: None,
            body: body.as_bytes().to_vec(),
            truncated: true,
        })
    };
    let (argument, success) = sample("invoices.list");
    let list = |outcome| {
        let (_, result, _) = run(
            "invoices.list",
            argument,
            RetryPolicy::default(),
            vec![outcome],
        );
        result.unwrap_err()
    };
    let fault = list(cut(200, success));
    assert_eq!(fault.kind, FaultKind::ResponseValidation);
    assert!(fault.message.contains("10 MiB"));
    let structured = r#"{"error":{"code":"A","message":"B"}}"#;
    assert_eq!(list(cut(400, structured)).kind, FaultKind::Default);
}

#[test]
fn an_unknown_outcome_is_called_unknown() {
    let never = RetryPolicy {
        bound: Bound::Retries(0),
        ..RetryPolicy::default()
    };
    for (name, failure, advice) in [
        (
            "invoices.create",
            Failure::Timeout,
            "this error's idempotencyKey",
        ),
        (
            "authIntents.exchange",
            Failure::Connection,
            "this error's idempotencyKey",
        ),
        (
            "authIntents.create",
            Failure::Timeout,
            "a fresh idempotencyKey",
        ),
        ("invoices.cancel", Failure::Aborted, "which is safe"),
    ] {
        let (argument, _) = sample(name);
        let (_, result, _) = run(name, argument, never.clone(), vec![Err(failure)]);
        let message = result.unwrap_err().message;
        assert!(
            message.contains("unknown") && message.contains(advice),
            "{message}"
        );
    }
    let (argument, _) = sample("invoices.get");
    let (_, result, _) = run("invoices.get", argument, never, vec![Err(Failure::Timeout)]);
    assert!(!result.unwrap_err().message.contains("unknown"));
}

#[test]
fn money_stays_an_exact_integer() {
    let (argument, success) = sample("invoices.create");
    let fractional = success.replace("1025000", "1025000.5");
    let (_, result, key) = run(
        "invoices.create",
        argument,
        RetryPolicy::default(),
        vec![response(201, &fractional)],
    );
    let fault = result.unwrap_err();
    assert_eq!(fault.kind, FaultKind::ResponseValidation);
    assert!(fault.message.contains("`amount_usdc` must be an integer"));
    assert!(key.is_some());
}
