//! The Solana JSON-RPC methods that x402 clients call before they sign. They return the mint, a
//! recent block and the compute units of a transaction. With them a client can pay at the local
//! Gwop without a network.

use crate::payment::Chain;
use crate::payment::blockhash;
use crate::payment::solana::{Address, DECIMALS, TOKEN_PROGRAM};
use crate::payment::wire::Block;
use crate::simulator::Simulator;
use crate::time::Now;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};

/// The length of a mint's account, and the offsets of its decimals and its "is initialized" flag.
const MINT_LENGTH: usize = 82;
const DECIMALS_AT: usize = 44;
const INITIALIZED_AT: usize = 45;

/// The compute units of a TransferChecked instruction.
const UNITS: u64 = 6_200;

impl Simulator {
    /// Responds to a JSON-RPC request.
    pub(super) fn solana_rpc(&self, method: &str, params: &Value, id: &Value, now: Now) -> Value {
        let block = Block::at(self.config.seed, now.clock);
        let with_context =
            |value: Value| json!({ "context": { "slot": block.height }, "value": value });
        let result = match method {
            "getAccountInfo" => {
                let asked = params.get(0).and_then(Value::as_str);
                with_context(if asked == Some(Chain::Solana.usdc()) {
                    mint()
                } else {
                    Value::Null
                })
            }
            "getLatestBlockhash" => with_context(json!({
                "blockhash": Address(block.hash).to_string(),
                "lastValidBlockHeight": blockhash::last_valid(block.height),
            })),
            // There is no chain, so each simulation succeeds. The payment URL judges the
            // transaction.
            "simulateTransaction" => with_context(json!({
                "accounts": null, "err": null, "logs": [], "returnData": null, "unitsConsumed": UNITS,
            })),
            _ => {
                let message = "the local Gwop has no chain: it answers getAccountInfo, getLatestBlockhash and simulateTransaction";
                let error = json!({ "code": -32601, "message": message });
                return json!({ "jsonrpc": "2.0", "id": id, "error": error });
            }
        };
        json!({ "jsonrpc": "2.0", "id": id, "result": result })
    }
}

/// Returns the account of USDC's mint, with the parts that clients read.
fn mint() -> Value {
    let mut data = [0_u8; MINT_LENGTH];
    for (at, byte) in [(DECIMALS_AT, DECIMALS), (INITIALIZED_AT, 1)] {
        if let Some(place) = data.get_mut(at) {
            *place = byte;
        }
    }
    json!({
        "data": [STANDARD.encode(data), "base64"],
        "executable": false,
        "lamports": 1_461_600,
        "owner": TOKEN_PROGRAM,
        "rentEpoch": 0,
        "space": MINT_LENGTH,
    })
}
