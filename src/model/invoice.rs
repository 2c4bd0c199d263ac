use super::{Record, Timestamp, model, open_enum};

open_enum! {
    /// Where an invoice stands. `OPEN` → `PAYING` → `PAID`; `OPEN` → `EXPIRED`; `OPEN` → `CANCELED`; a failed payment rolls `PAYING` back to `OPEN`.
    /// `PAID`, `EXPIRED` and `CANCELED` are final. While it is `PAYING`, do not create a new invoice.
    pub enum InvoiceStatus { Open = "OPEN", Paying = "PAYING", Paid = "PAID", Expired = "EXPIRED", Canceled = "CANCELED" }

    /// The chain that a payment goes over.
    pub enum PaymentChain { Base = "base", Solana = "solana" }

    /// How an agent pays an invoice.
    pub enum AgentFlow { InvoiceCheckout = "invoice_checkout", InvoiceGwopWallet = "invoice_gwop_wallet", InvoiceX402 = "invoice_x402" }

    /// Where the agent stands in its flow.
    pub enum AgentState {
        InvoiceCreated = "invoice_created",
        InvoiceOpen = "invoice_open",
        InvoicePaying = "invoice_paying",
        InvoicePaid = "invoice_paid",
        InvoiceUnavailable = "invoice_unavailable",
        PaymentRequired = "payment_required",
    }

    /// How often a request may be repeated.
    pub enum RetryStrategy { None = "none", FixedInterval = "fixed_interval" }

    /// The identifier of a payment method.
    pub enum PaymentMethodId { X402Base = "x402-base", X402Solana = "x402-solana" }
}

model! {
    /// What to sell: the body of `POST /v1/invoices`.
    pub struct CreateInvoiceRequest {
        /// The base amount in atomic USDC (6 decimals): 1 to 10,000,000,000. 1,000,000 is 1 USDC.
        amount_usdc: i64,
        /// What the agent reads: at most 500 characters.
        description: Option<String>,
        /// Free-form values of yours, at most 1,024 bytes as JSON. Keys are passed through untouched.
        metadata: Option<Record>,
        /// Whether `metadata` is shown in the public view. Default false.
        metadata_public: Option<bool>,
        /// Time to live in seconds: 60 to 86,400. Default 900.
        expires_in_seconds: Option<i64>,
    }

    /// An invoice as its merchant sees it when it is created.
    pub struct Invoice {
        /// The merchant-side id (UUID), for `cancel`. Store it.
        id: String,
        /// The public id (`inv_*`), for the agent and for `get`. Store it too.
        public_invoice_id: String,
        /// The merchant's id (UUID).
        merchant_id: String,
        /// The payable total in atomic USDC, fees included. It can differ from the amount that was sent.
        amount_usdc: i64,
        /// `USDC`.
        currency: String,
        /// Where the invoice stands.
        status: InvoiceStatus,
        /// What the agent reads.
        description: Option<String>,
        /// Free-form values; Gwop repeats the fee breakdown here.
        metadata: Option<Record>,
        /// Whether `metadata` is shown in the public view.
        metadata_public: bool,
        /// When it was created.
        created_at: Timestamp,
        /// When it expires if nobody pays.
        expires_at: Timestamp,
        /// Instructions for the paying agent.
        agent_protocol: AgentProtocol,
    }

    /// Instructions for the paying agent.
    pub struct AgentProtocol {
        /// `1.0`.
        version: String,
        /// How to pay.
        flow: AgentFlow,
        /// Where the agent stands.
        state: AgentState,
        /// What is to be reached, in words.
        goal: String,
        /// The steps, in words.
        steps: Vec<String>,
        /// The next request to make.
        next_action: Option<NextAction>,
        /// How to see that it is done.
        completion_check: CompletionCheck,
        /// Whether a receipt is to be asked for.
        receipt_policy: Option<ReceiptPolicy>,
    }

    /// The next request that an agent makes.
    pub struct NextAction {
        /// `GET` or `POST`.
        method: Option<String>,
        /// The path of the request.
        path: Option<String>,
        /// What the body looks like.
        body_template: Option<Record>,
        /// The HTTP statuses to expect.
        expect_status: Option<Vec<i64>>,
        /// How often to repeat it.
        retry: Option<RetryHint>,
    }

    /// How often an agent repeats a request.
    pub struct RetryHint {
        /// The strategy.
        strategy: Option<RetryStrategy>,
        /// Seconds between two attempts.
        retry_after_seconds: Option<i64>,
        /// The most attempts.
        max_attempts: Option<i64>,
    }

    /// How an agent sees that the invoice is paid.
    pub struct CompletionCheck {
        /// `GET`.
        method: String,
        /// The path of the request.
        path: String,
        /// `status`.
        field: String,
        /// `PAID`.
        success_value: String,
    }

    /// Whether an agent asks for a receipt.
    pub struct ReceiptPolicy {
        /// `hard_optional`.
        mode: Option<String>,
        /// Whether an email address may be given.
        optional_receipt_email: Option<bool>,
        /// Whether to prompt when one is available.
        prompt_when_available: Option<bool>,
        /// Whether its absence must not block.
        do_not_block_on_absent: Option<bool>,
    }

    /// One page of invoices.
    pub struct InvoiceList {
        /// The invoices of this page, newest first.
        invoices: Vec<InvoiceListItem>,
        /// Where this page stands.
        pagination: Pagination,
    }

    /// An invoice in a list.
    pub struct InvoiceListItem {
        /// The merchant-side id (UUID).
        id: String,
        /// The public id (`inv_*`).
        public_invoice_id: String,
        /// Where the invoice stands.
        status: InvoiceStatus,
        /// The payable total in atomic USDC.
        amount_usdc: i64,
        /// `USDC`.
        currency: String,
        /// What the agent reads.
        description: Option<String>,
        /// Free-form values.
        metadata: Option<Record>,
        /// When it expires if nobody pays.
        expires_at: Timestamp,
        /// When it was created.
        created_at: Timestamp,
        /// When it was paid.
        paid_at: Option<Timestamp>,
        /// The transaction that paid it.
        paid_tx_hash: Option<String>,
        /// The chain that it was paid on.
        payment_chain: Option<PaymentChain>,
    }

    /// Where a page stands in its list.
    pub struct Pagination {
        /// How many invoices match in all.
        total: i64,
        /// The most invoices in a page.
        limit: i64,
        /// How many invoices come before this page.
        offset: i64,
        /// Whether more pages follow.
        has_more: bool,
    }

    /// An invoice as anybody with its public id sees it.
    pub struct InvoicePublic {
        /// `gwop.invoice.v4`.
        schema_version: String,
        /// The public id (`inv_*`).
        id: String,
        /// Where the invoice stands.
        status: InvoiceStatus,
        /// What is to be paid.
        amount: InvoiceAmount,
        /// How the amount is made up.
        pricing: Option<InvoicePricing>,
        /// What the agent reads.
        description: Option<String>,
        /// Free-form values, only when they are public.
        metadata: Option<Record>,
        /// When it expires if nobody pays.
        expires_at: Timestamp,
        /// When it was created.
        created_at: Timestamp,
        /// Who sells.
        merchant: InvoiceMerchant,
        /// How to see that it is paid.
        status_check: StatusCheck,
        /// Pages for people.
        links: InvoiceLinks,
        /// How to pay, only while it is `OPEN`.
        payment_methods: Option<Vec<PaymentMethod>>,
        /// When it was paid.
        paid_at: Option<Timestamp>,
        /// What was paid, in atomic USDC.
        paid_amount: Option<i64>,
        /// The chain that it was paid on.
        payment_chain: Option<PaymentChain>,
        /// The chain that it was paid on, as CAIP-2, such as `eip155:8453`.
        payment_chain_caip2: Option<String>,
        /// The transaction that paid it.
        paid_tx_hash: Option<String>,
        /// A page that shows the transaction.
        tx_url: Option<String>,
    }

    /// What is to be paid.
    pub struct InvoiceAmount {
        /// In atomic USDC.
        value: i64,
        /// For people, such as `1.025 USDC`.
        display: Option<String>,
        /// `USDC`.
        currency: String,
        /// 6.
        decimals: i64,
    }

    /// How an amount is made up, in atomic USDC.
    pub struct InvoicePricing {
        /// What the merchant asked for.
        base_amount: Option<i64>,
        /// What Gwop adds.
        gwop_fee: Option<i64>,
        /// What the agent pays.
        total: Option<i64>,
    }

    /// Who sells.
    pub struct InvoiceMerchant {
        /// The name.
        name: String,
        /// Whether Gwop has verified the merchant.
        verified: bool,
    }

    /// How to see that an invoice is paid.
    pub struct StatusCheck {
        /// Where to ask.
        url: String,
        /// `GET`.
        method: String,
        /// `status`.
        field: String,
        /// `PAID`.
        paid_value: String,
        /// Advice in words.
        hint: Option<String>,
    }

    /// Pages for people.
    pub struct InvoiceLinks {
        /// Where an agent's owner lands.
        landing_page: String,
        /// The documentation.
        docs: String,
    }

    /// One way to pay an invoice.
    pub struct PaymentMethod {
        /// The method's id.
        id: PaymentMethodId,
        /// `x402`.
        kind: String,
        /// The network as CAIP-2, such as `eip155:8453`.
        network: String,
        /// The chain.
        chain: PaymentChain,
        /// What is paid with.
        asset: PaymentAsset,
        /// The receiving address.
        pay_to: String,
        /// In atomic USDC.
        amount: i64,
        /// For people, such as `1.025 USDC`.
        amount_display: String,
        /// Where to pay over x402.
        payment_url: String,
        /// Where to recover a payment whose response was lost.
        recover_url: String,
    }

    /// What is paid with.
    pub struct PaymentAsset {
        /// `USDC`.
        symbol: String,
        /// 6.
        decimals: i64,
        /// The token's contract or mint address.
        contract: String,
    }

    /// A canceled invoice.
    pub struct InvoiceCancel {
        /// The merchant-side id (UUID).
        id: String,
        /// `CANCELED`.
        status: InvoiceStatus,
        /// When it was canceled.
        canceled_at: Timestamp,
    }
}
