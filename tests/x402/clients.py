"""The Python client x402, unchanged, at the local Gwop: requests and httpx, Base and Solana.

Reads jobs as JSON lines, `{"client", "chain", "url", "rpc_url", "limit"}`, and answers each with a line:
`{"status", "body", "receipt"}` or `{"error"}`.
"""

import asyncio
import json
import sys

from eth_account import Account
from x402 import x402Client, x402ClientSync
from x402.http import x402HTTPClient, x402HTTPClientSync
from x402.http.clients import wrapHttpxWithPayment, x402_requests
from x402.mechanisms.evm import EthAccountSigner
from x402.mechanisms.evm.exact.register import register_exact_evm_client
from x402.mechanisms.svm import KeypairSigner
from x402.mechanisms.svm.exact.register import register_exact_svm_client

# Published development keys, which hold no funds.
BASE_KEY = "0xac0974bec39a17e36ba4a6b4d238ff944bacb478cbed5efcae784d7bf4f2ff80"
SOLANA_SEED = bytes([1] * 32)


def registered(client, job):
    if job["chain"] == "base":
        register_exact_evm_client(client, EthAccountSigner(Account.from_key(BASE_KEY)))
    else:
        from solders.keypair import Keypair

        signer = KeypairSigner(Keypair.from_seed(SOLANA_SEED))
        register_exact_svm_client(client, signer, rpc_url=job["rpc_url"])
    if job.get("limit"):
        client.set_spend_controls({"max_amount_per_payment": job["limit"]})
    return client


def receipt_of(http_client, headers):
    return http_client.get_payment_settle_response(lambda name: headers.get(name)).model_dump(by_alias=True)


def by_requests(job):
    client = registered(x402ClientSync(), job)
    with x402_requests(client) as session:
        response = session.get(job["url"])
        receipt = receipt_of(x402HTTPClientSync(client), response.headers)
        return {"status": response.status_code, "body": response.json(), "receipt": receipt}


async def by_httpx(job):
    client = registered(x402Client(), job)
    async with wrapHttpxWithPayment(client) as session:
        response = await session.get(job["url"])
        await response.aread()
        receipt = receipt_of(x402HTTPClient(client), response.headers)
        return {"status": response.status_code, "body": response.json(), "receipt": receipt}


def main():
    for line in sys.stdin:
        job = json.loads(line)
        try:
            answer = asyncio.run(by_httpx(job)) if job["client"] == "httpx" else by_requests(job)
        except Exception as error:  # Whatever a client throws is what the test is about.
            cause = error.__cause__ or error
            answer = {"error": f"{type(error).__name__}: {error} ({cause})"}
        print(json.dumps(answer), flush=True)


main()
