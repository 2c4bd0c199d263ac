//! What the npm package's TypeScript asks of the wasm, each task by its number.

macro_rules! tasks {
    ($( $(#[doc = $doc:literal])* $name:ident, )*) => {
        /// A task. The fields of its text and of what it answers are separated by NUL; `a` to `d` are its numbers.
        #[derive(Debug, Clone, Copy, PartialEq, Eq)]
        pub enum Task { $( $(#[doc = $doc])* $name, )* }

        impl Task {
            /// Every task at the place of its number.
            pub const ALL: &[Self] = &[$( Self::$name, )*];

            /// Every task's name and documentation.
            #[cfg(feature = "codegen")]
            pub const NAMES: &[(&str, &str)] = &[$( (stringify!($name), concat!($($doc, "\n"),*)), )*];
        }
    };
}

tasks! {
    /// Reads a body whose MAC holds. Text: the two event headers, id and type. Answers `{"value":event,"times":paths}`.
    WebhookEvent,
    /// Verifies `bytes` by the compiled-in HMAC and reads them. Text: the secrets, the signature header, the two event
    /// headers. `a`: now, `b`: the tolerance, both in seconds; `c`: how many secrets; `d`: 1 where the body's own text is to
    /// be answered instead of what `WebhookEvent` answers.
    WebhookSync,
    /// The refusal of a delivery whose MAC does not hold.
    WebhookMismatch,
    /// The refusal of a body that is not raw.
    WebhookNotRaw,
    /// The `v1` value for `bytes`. Text: the time stamp and the secret.
    WebhookSign,
    /// An empty JWK Set cache. `a`: `jwksCooldownSeconds`.
    JwksCache,
    /// The next step of a verification of the token `bytes`. Text: merchant id and issuer, empty where none is expected
    /// and where Gwop's is, and the audiences. `a`: now, `b`: the clock tolerance, both in milliseconds; `c`: 0 at first, the
    /// ticket's ordinal once the store was asked, -1 once the outcome of its fetch was reported; `d`: when the ticket began.
    ///
    /// Answers one of
    /// - `v` and the thumbprints of the candidate keys, separated by commas, and the verdict that holds if the signature does under one of
    ///   them: a refusal, or `iat` (empty where absent) and `exp` in milliseconds and the claims set;
    /// - `f` and ordinal and begin of a ticket: ask the store, or fetch;
    /// - `w` and milliseconds: wait so long, then step again.
    TokenStep,
    /// The JWK of a thumbprint, to import.
    TokenKey,
    /// Leaves out the key of a thumbprint, which could not be imported.
    TokenDiscard,
    /// Reports `bytes`, answered with status 200. `a`: now, `c` and `d`: the ticket. Answers the value for the store where it is now the held set.
    TokenAnswered,
    /// Reports a failed fetch. Numbers as of `TokenAnswered`.
    TokenFailed,
    /// Offers the store's value, as JSON text in `bytes`. `a`: now.
    TokenAdopt,
    /// The refusal of a signature that does not hold.
    TokenSignatureInvalid,
    /// The refusal of a session that the live look-up did not find active.
    TokenSessionRevoked,
    /// Begins a call. Text: the operation, the URLs of the two hosts, empty for Gwop's own, and the argument as JSON. `bytes`: 16,
    /// random ones where the operation is sent with an idempotency key. `a`: 1 where argument and answer are named as on the wire. Answers 1 where the merchant key is needed, else 0, and the idempotency key.
    CallBegin,
    /// Replaces the retry policy. Text: `*` for the default statuses, or an empty field and those that are retried. `bytes`: seven
    /// little-endian 64-bit numbers: so many retries, or -1 for as many as the elapsed time allows, or less for the default;
    /// initial interval, longest interval, exponent and elapsed time, in milliseconds; whether connection errors and whether timeouts are retried.
    CallPolicy,
    /// Takes the merchant key.
    CallAuthorize,
    /// The next attempt. `a`: now, `bytes`: as for `CallBegin`, others each time. Answers URL, method, body, empty where there is none, and the headers, names and values in turn.
    CallAttempt,
    /// Judges an answer. Text: `Retry-After`. `bytes`: its body. `a`: now, `b`: jitter, 0 to 1; `c`: the status; `d`: 1 where the body went on.
    ///
    /// Answers `r` and the milliseconds to wait before the next attempt, or the end: `d` and `{"value","times"}`, or `x` and the name of the error's
    /// class, 1 where the retries ran out, the structured error as JSON, empty where there is none, and the message.
    CallResponse,
    /// Judges an attempt without an answer, as `CallResponse`. `c`: the error's class by its place in `Failure::ALL`.
    CallFailure,
    /// How many milliseconds `Retry-After` asks to wait, from `a`; empty where it says nothing.
    RetryAfter,
    /// What an event would do to an invoice. Text: the known and the new status, the known and the new transaction. `a` and `b`: the known and the
    /// new version. An empty status counts as open, an empty transaction and a version that is no number as absent.
    InvoiceJudge,
}
