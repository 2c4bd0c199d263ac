"""A shop on FastAPI with x402's own middleware: server.py FACILITATOR PAY_TO. Tells its URL."""

import socket
import sys

import uvicorn
from fastapi import FastAPI
from x402.http import FacilitatorConfig, HTTPFacilitatorClient, PaymentOption
from x402.http.middleware.fastapi import PaymentMiddlewareASGI
from x402.http.types import RouteConfig
from x402.mechanisms.evm.exact import ExactEvmServerScheme
from x402.server import x402ResourceServer

facilitator, pay_to = sys.argv[1:]
server = x402ResourceServer(HTTPFacilitatorClient(FacilitatorConfig(url=facilitator)))
server.register("eip155:8453", ExactEvmServerScheme())
option = PaymentOption(scheme="exact", price="$0.01", network="eip155:8453", pay_to=pay_to)
app = FastAPI()
app.add_middleware(
    PaymentMiddlewareASGI, routes={"GET /r": RouteConfig(accepts=[option])}, server=server
)


@app.get("/r")
async def bought():
    return {"bought": True}


listening = socket.socket()
listening.bind(("127.0.0.1", 0))
print(f"http://127.0.0.1:{listening.getsockname()[1]}", flush=True)
uvicorn.Server(uvicorn.Config(app, log_level="error")).run(sockets=[listening])
