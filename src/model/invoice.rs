use super::{Record, Timestamp, model, open_enum};

open_enum! {
    /// The status of an invoice. `OPEN` → `PAYING` → `PAID`; `OPEN` → `EXPIRED`; `OPEN` → `CANCELED`.
    /// After a failed payment, `PAYING` becomes `OPEN` again. `PAID`, `EXPIRED` and `CANCELED` are
    /// final. While an invoice is `PAYING`, do not create a new one.
    pub enum InvoiceStatus { Open = "OPEN", Paying = "PAYING", Paid = "PAID", Expired = "EXPIRED", Canceled = "CANCELED" }

    /// The chain of a payment.
    pub enum PaymentChain { Base = "base", Solana = "solana" }

    /// How an agent pays an invoice.
    pub enum AgentFlow { InvoiceCheckout = "invoice_checkout", InvoiceGwopWallet = "invoice_gwop_wallet", InvoiceX402 = "invoice_x402" }

    /// The state of the agent's payment.
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
    /// What you sell: the body of `POST /v1/invoices`.
    pub struct CreateInvoiceRequest {
        /// The price without Gwop's fee, in atomic units of USDC: 1 to 10,000,000,000. 1,000,000 is
        /// 1 USDC.
        amount_usdc: i64,
        /// The description that the agent reads, at most 500 characters.
        description: Option<String>,
        /// Your own values, at most 1,024 bytes as JSON. Gwop returns the keys unchanged.
        metadata: Option<Record>,
        /// Whether everybody with the public id can see `metadata`. Default false.
        metadata_public: Option<bool>,
        /// How long the invoice can be paid, in seconds: 60 to 86,400. Default 900.
        expires_in_seconds: Option<i64>,
    }

    /// An invoice as its merchant sees it when it is created.
    pub struct Invoice {
        /// The merchant-side id (a UUID). `cancel` and webhooks use it. Store it.
        id: String,
        /// The public id (`inv_*`). The agent and `get` use it. Store it too.
        public_invoice_id: String,
        /// The merchant's id (a UUID).
        merchant_id: String,
        /// What the agent pays, in atomic units of USDC: your price and Gwop's fee.
        amount_usdc: i64,
        /// `USDC`.
        currency: String,
        /// The status.
        status: InvoiceStatus,
        /// The description that the agent reads.
        description: Option<String>,
        /// Your own values. Gwop adds the parts of the total.
        metadata: Option<Record>,
        /// Whether everybody with the public id can see `metadata`.
        metadata_public: bool,
        /// When the invoice was created.
        created_at: Timestamp,
        /// When the invoice expires if nobody pays.
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
        /// The state of the agent's payment.
        state: AgentState,
        /// The goal, in words.
        goal: String,
        /// The steps, in words.
        steps: Vec<String>,
        /// The next request to make.
        next_action: Option<NextAction>,
        /// How to check that the payment is complete.
        completion_check: CompletionCheck,
        /// Whether to ask for a receipt.
        receipt_policy: Option<ReceiptPolicy>,
    }

    /// The next request that an agent makes.
    pub struct NextAction {
        /// `GET` or `POST`.
        method: Option<String>,
        /// The path of the request.
        path: Option<String>,
        /// A template of the body.
        body_template: Option<Record>,
        /// The HTTP statuses to expect.
        expect_status: Option<Vec<i64>>,
        /// How often to repeat the request.
        retry: Option<RetryHint>,
    }

    /// How often an agent repeats a request.
    pub struct RetryHint {
        /// The strategy.
        strategy: Option<RetryStrategy>,
        /// Seconds between two attempts.
        retry_after_seconds: Option<i64>,
        /// The largest number of attempts.
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
        /// Whether the agent must continue without a receipt if none is available.
        do_not_block_on_absent: Option<bool>,
    }

    /// One page of invoices.
    pub struct InvoiceList {
        /// The invoices of this page. Gwop does not document their order.
        invoices: Vec<InvoiceListItem>,
        /// The position of this page.
        pagination: Pagination,
    }

    /// An invoice in a list.
    pub struct InvoiceListItem {
        /// The merchant-side id (a UUID).
        id: String,
        /// The public id (`inv_*`).
        public_invoice_id: String,
        /// The status.
        status: InvoiceStatus,
        /// What the agent pays, in atomic units of USDC.
        amount_usdc: i64,
        /// `USDC`.
        currency: String,
        /// The description that the agent reads.
        description: Option<String>,
        /// Your own values.
        metadata: Option<Record>,
        /// When the invoice expires if nobody pays.
        expires_at: Timestamp,
        /// When the invoice was created.
        created_at: Timestamp,
        /// When the invoice was paid.
        paid_at: Option<Timestamp>,
        /// The transaction that paid it.
        paid_tx_hash: Option<String>,
        /// The chain of the payment.
        payment_chain: Option<PaymentChain>,
    }

    /// The position of a page in its list.
    pub struct Pagination {
        /// How many invoices match in all.
        total: i64,
        /// The largest number of invoices on a page.
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
        /// The status.
        status: InvoiceStatus,
        /// What the agent has to pay.
        amount: InvoiceAmount,
        /// The parts of the amount.
        pricing: Option<InvoicePricing>,
        /// The description that the agent reads.
        description: Option<String>,
        /// The merchant's own values, only if they are public.
        metadata: Option<Record>,
        /// When the invoice expires if nobody pays.
        expires_at: Timestamp,
        /// When the invoice was created.
        created_at: Timestamp,
        /// Who sells.
        merchant: InvoiceMerchant,
        /// How to check that the invoice is paid.
        status_check: StatusCheck,
        /// Pages for people.
        links: InvoiceLinks,
        /// How to pay. Present only while the invoice is `OPEN`.
        payment_methods: Option<Vec<PaymentMethod>>,
        /// When the invoice was paid.
        paid_at: Option<Timestamp>,
        /// What was paid, in atomic units of USDC.
        paid_amount: Option<i64>,
        /// The chain of the payment.
        payment_chain: Option<PaymentChain>,
        /// The chain of the payment as CAIP-2, such as `eip155:8453`.
        payment_chain_caip2: Option<String>,
        /// The transaction that paid it.
        paid_tx_hash: Option<String>,
        /// A page that shows the transaction.
        tx_url: Option<String>,
    }

    /// What the agent has to pay.
    pub struct InvoiceAmount {
        /// In atomic units of USDC.
        value: i64,
        /// For people, such as `1.025 USDC`.
        display: Option<String>,
        /// `USDC`.
        currency: String,
        /// 6.
        decimals: i64,
    }

    /// The parts of an amount, in atomic units of USDC.
    pub struct InvoicePricing {
        /// The merchant's price.
        base_amount: Option<i64>,
        /// Gwop's fee.
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

    /// How to check that an invoice is paid.
    pub struct StatusCheck {
        /// Where to ask.
        url: String,
        /// `GET`.
        method: String,
        /// `status`.
        field: String,
        /// `PAID`.
        paid_value: String,
        /// Advice for people.
        hint: Option<String>,
    }

    /// Pages for people.
    pub struct InvoiceLinks {
        /// A page for the agent's owner.
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
        /// The token to pay with.
        asset: PaymentAsset,
        /// The receiving address.
        pay_to: String,
        /// In atomic units of USDC.
        amount: i64,
        /// For people, such as `1.025 USDC`.
        amount_display: String,
        /// Where to pay, over x402.
        payment_url: String,
        /// Where to look up a payment whose response was lost.
        recover_url: String,
    }

    /// The token to pay with.
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
        /// The merchant-side id (a UUID).
        id: String,
        /// `CANCELED`.
        status: InvoiceStatus,
        /// When the invoice was canceled.
        canceled_at: Timestamp,
    }
}
