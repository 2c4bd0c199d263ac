//! Gwop's operations on auth intents and sessions.

use crate::auth::{AuthIntent, Session};
use crate::error::{ApiError, ErrorCode};
use crate::http::Request;
use crate::operations::ok;
use crate::payment::Chain;
use crate::simulator::{Simulator, Success};
use crate::time::Now;
use crate::validation::{json_body, known_fields, metadata, string};
use serde_json::{Map, Value, json};

impl Simulator {
    pub(crate) fn create_intent(
        &mut self,
        request: &Request,
        merchant_id: String,
        now: Now,
    ) -> Result<Success, ApiError> {
        let key = self.idempotency_key(request)?;
        let body = json_body(request, false)?;
        known_fields(&body, &["known_wallet_hint", "metadata"])?;
        let known_wallet = string(&body, "known_wallet_hint", 200)?
            .map(|hint| match hint.split_once(':') {
                Some((chain, wallet)) if Chain::parse(chain).is_some() && !wallet.is_empty() => {
                    Ok(wallet.to_owned())
                }
                None if !hint.is_empty() => Ok(hint),
                _ => Err(ApiError::invalid(
                    "known_wallet_hint",
                    "`{chain}:{wallet}` with base or solana as the chain, or a wallet alone",
                )),
            })
            .transpose()?;
        metadata(&body)?;
        if let Some(key) = &key {
            let place = (
                merchant_id.clone(),
                "authIntents.create".to_owned(),
                key.clone(),
            );
            if self.idempotency.contains_key(&place) {
                return Err(ApiError::new(
                    ErrorCode::IdempotencyConflict,
                    "this Idempotency-Key was used already: an auth intent needs a fresh one for every attempt",
                ));
            }
        }
        let ttl = self.config.auth_intent_ttl_seconds.saturating_mul(1_000);
        let intent = AuthIntent {
            id: self.ids.auth_intent(),
            payable_id: self.ids.public_invoice(),
            merchant_id: merchant_id.clone(),
            known_wallet,
            expires_at: now.clock.saturating_add(ttl),
            payment: None,
            used: false,
        };
        let response = ok(201, intent.json(&self.config.agents_url));
        self.intents.push(intent);
        self.store(
            merchant_id,
            "authIntents.create",
            key,
            Value::Null,
            &response,
        );
        Ok(response)
    }

    pub(crate) fn exchange(
        &mut self,
        request: &Request,
        id: &str,
        merchant_id: String,
        now: Now,
    ) -> Result<Success, ApiError> {
        let key = self.idempotency_key(request)?;
        let asked = json!({ "auth_intent_id": id });
        if let Some(stored) =
            self.stored(&merchant_id, "authIntents.exchange", key.as_deref(), &asked)?
        {
            return Ok(stored);
        }
        let index = self.intents.find(id);
        let (index, intent) = index
            .and_then(|index| Some((index, self.intents.get(index)?)))
            .filter(|(_, intent)| intent.merchant_id == merchant_id)
            .ok_or_else(|| {
                ApiError::new(
                    ErrorCode::AuthIntentNotFound,
                    "no auth intent of this merchant has this id",
                )
            })?;
        if intent.used {
            return Err(ApiError::new(
                ErrorCode::AuthIntentUsed,
                "the auth intent was exchanged already: repeat with the first Idempotency-Key, or create another",
            ));
        }
        let Some(payment) = intent.settled().cloned() else {
            // A payment in progress may still settle.
            let is_over = intent.expires_at <= now.clock && intent.payment.is_none();
            return Err(if is_over {
                ApiError::new(
                    ErrorCode::AuthIntentExpired,
                    "the auth intent was not paid in time: create another",
                )
            } else {
                ApiError::new(
                    ErrorCode::AuthIntentNotSettled,
                    "the agent has not paid the challenge yet: exchange again once it has",
                )
            });
        };
        self.intents.change(index, |intent| intent.used = true);
        let session = self.start_session(
            merchant_id.clone(),
            payment.chain,
            payment.wallet.clone(),
            now,
        );
        let subject = session.subject();
        let (account, is_new) = match self.accounts.get(&subject) {
            Some(account) => (account.clone(), false),
            None => {
                let account = self.ids.uuid();
                self.accounts.insert(subject.clone(), account.clone());
                (account, true)
            }
        };
        let token = self.token(&session, None, Map::new(), Map::new(), now);
        let body = json!({
            "token_type": "Bearer",
            "expires_in": self.config.access_token_ttl_seconds,
            "principal": {
                "sub": subject, "chain": payment.chain.as_str(), "wallet_address": payment.wallet,
            },
            "session": { "sid": session.id, "sub": subject, "amr": ["wallet"] },
            "account": { "id": account, "is_new_account": is_new },
        });
        let response = Success::Token(token, body);
        self.store(merchant_id, "authIntents.exchange", key, asked, &response);
        Ok(response)
    }

    pub(crate) fn session(&self, id: &str, merchant_id: &str) -> Result<&Session, ApiError> {
        self.sessions
            .find(id)
            .filter(|session| session.merchant_id == merchant_id)
            .ok_or_else(|| {
                ApiError::new(
                    ErrorCode::SessionNotFound,
                    "no session of this merchant has this id",
                )
            })
    }

    pub(crate) fn revoke_session(
        &mut self,
        request: &Request,
        merchant_id: &str,
        now: Now,
    ) -> Result<Success, ApiError> {
        let body = json_body(request, true)?;
        known_fields(&body, &["session_id"])?;
        let id = string(&body, "session_id", 200)?
            .filter(|id| !id.is_empty())
            .ok_or_else(|| ApiError::invalid("session_id", "a session id, `sess_*`"))?;
        self.session(&id, merchant_id)?;
        if let Some(session) = self.sessions.find_mut(&id) {
            session.revoked_at.get_or_insert(now.clock);
        }
        Ok(ok(200, json!({ "revoked": true })))
    }
}
