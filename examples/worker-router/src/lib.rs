//! A merchant's own Worker: Gwop's webhooks and auth next to its own routes.
//!
//! Build it with `worker-build --profile worker`. `wrangler.toml` is the one at the top level of
//! Gwop's repository, with this build as `main`.

use gwop::worker::{authenticate, call, handle, handle_queue, handle_scheduled, handle_webhook};
use serde_json::{Value, json};
use worker::{
    Context, Env, MessageBatch, Method, Request, Response, Result, ScheduleContext, ScheduledEvent,
    event,
};

// The Durable Objects come with the crate. Naming them keeps them in the build.
pub use gwop::worker::{GwopInvoice, GwopInvoiceIndex, GwopLedger, GwopSession};

#[event(fetch)]
async fn fetch(mut request: Request, env: Env, _context: Context) -> Result<Response> {
    match (request.method(), request.path().as_str()) {
        (_, "/webhooks/gwop") => handle_webhook(request, env).await,
        // For logged-in agents. Their identity is verified, never taken from a header.
        (Method::Get, "/me") => match authenticate(&request, &env).await {
            Ok(agent) => Response::from_json(&json!({ "hello": agent.subject })),
            Err(denied) => denied.into_response(),
        },
        // Creates an invoice. The merchant key stays on this server.
        (Method::Post, "/orders") => {
            let order: Value = request.json().await?;
            let invoice = json!({ "body": { "amount_usdc": order["amount_usdc"] } });
            match call(&env, "invoices.create", &invoice).await {
                Ok(invoice) => Response::from_json(&invoice),
                Err(_) => Response::error("No invoice could be made: try again", 502),
            }
        }
        // The same routes again, with a prefix.
        (_, path) if path.starts_with("/gwop/") => {
            let mut mounted = request.clone_mut()?;
            *mounted.path_mut()? = path.strip_prefix("/gwop").unwrap_or(path).to_owned();
            handle(mounted, env).await
        }
        // All other routes of Gwop's Worker: /auth/…, /invoices/…, /healthz.
        _ => handle(request, env).await,
    }
}

#[event(queue)]
async fn queue(batch: MessageBatch<Value>, env: Env, _context: Context) -> Result<()> {
    handle_queue(batch, env).await
}

/// Runs for the cron trigger of `wrangler.toml`: reconciles, and checks every shard's alarm.
#[event(scheduled)]
async fn scheduled(_event: ScheduledEvent, env: Env, _context: ScheduleContext) {
    handle_scheduled(&env).await;
}
