//! The statements on messages.

use crate::error::DomainError;
use crate::keys::{StoredKey, TenantKeys};
use crate::message::{MessageRecord, UnmatchedMessage, payload};
use crate::schema::{client_keys, messages, sms_consents, unmatched_messages};
use bearingwall_audit::PhiTx;
use bearingwall_core::{ClientId, MessageId};
use bearingwall_tenancy::TenantTx;
use diesel::prelude::*;
use diesel_async::RunQueryDsl;
use time::OffsetDateTime;
use uuid::Uuid;
use zeroize::Zeroizing;

/// A row of the joined read.
#[derive(Queryable)]
pub(super) struct Sealed {
    pub(super) id: Uuid,
    client: Uuid,
    direction: String,
    channel: String,
    provider_id: String,
    received_at: OffsetDateTime,
    payload: Vec<u8>,
    key: StoredKey,
}

impl Sealed {
    pub(super) fn open(self, keys: &TenantKeys) -> Result<MessageRecord, DomainError> {
        let (id, client) = (MessageId::from_uuid(self.id), ClientId::from_uuid(self.client));
        let text = keys.unwrap(client, &self.key)?.open_message(id, &self.payload)?;
        Ok(MessageRecord {
            id,
            client,
            direction: self.direction,
            channel: self.channel,
            provider_id: self.provider_id,
            received_at: self.received_at,
            content: payload::decode(&text)?,
        })
    }
}

/// A message that waits for somebody to say whose it is.
#[derive(Queryable)]
pub(super) struct Unmatched {
    pub(super) id: Uuid,
    reason: String,
    pub(super) channel: String,
    pub(super) provider_id: String,
    pub(super) received_at: OffsetDateTime,
    payload: Vec<u8>,
}

impl Unmatched {
    pub(super) fn text(&self, keys: &TenantKeys) -> Result<Zeroizing<Vec<u8>>, DomainError> {
        Ok(keys.open_unmatched(MessageId::from_uuid(self.id), &self.payload)?)
    }

    pub(super) fn open(self, keys: &TenantKeys) -> Result<UnmatchedMessage, DomainError> {
        let id = MessageId::from_uuid(self.id);
        let text = self.text(keys)?;
        Ok(UnmatchedMessage {
            id,
            reason: self.reason,
            channel: self.channel,
            provider_id: self.provider_id,
            received_at: self.received_at,
            content: payload::decode(&text)?,
        })
    }
}

/// Messages of a client, newest first.
pub(super) async fn page(
    tx: &mut PhiTx<'_, '_>,
    client: ClientId,
    before: Option<MessageId>,
    rows: i64,
) -> Result<Vec<Sealed>, DomainError> {
    messages::table
        .inner_join(client_keys::table.on(client_keys::client_id.eq(messages::client_id)))
        .filter(messages::client_id.eq(client.as_uuid()))
        .filter(messages::id.lt(before.map_or(Uuid::max(), MessageId::as_uuid)))
        .order(messages::id.desc())
        .limit(rows)
        .select((
            messages::id,
            messages::client_id,
            messages::direction,
            messages::channel,
            messages::provider_id,
            messages::received_at,
            messages::payload,
            (client_keys::tenant_version, client_keys::wrapped),
        ))
        .load(tx)
        .await
        .map_err(DomainError::Statement)
}

type UnmatchedColumns = (
    unmatched_messages::id,
    unmatched_messages::reason,
    unmatched_messages::channel,
    unmatched_messages::provider_id,
    unmatched_messages::received_at,
    unmatched_messages::payload,
);

const UNMATCHED: UnmatchedColumns = (
    unmatched_messages::id,
    unmatched_messages::reason,
    unmatched_messages::channel,
    unmatched_messages::provider_id,
    unmatched_messages::received_at,
    unmatched_messages::payload,
);

/// Messages that nobody was found for, newest first. Sees nothing but under a search on record.
pub(super) async fn unmatched_page(
    tx: &mut PhiTx<'_, '_>,
    before: Option<MessageId>,
    rows: i64,
) -> Result<Vec<Unmatched>, DomainError> {
    unmatched_messages::table
        .filter(unmatched_messages::id.lt(before.map_or(Uuid::max(), MessageId::as_uuid)))
        .order(unmatched_messages::id.desc())
        .limit(rows)
        .select(UNMATCHED)
        .load(tx)
        .await
        .map_err(DomainError::Statement)
}

/// One of them, which somebody is about to assign: a second one who tries waits, and finds it gone.
pub(super) async fn unmatched_take(tx: &mut PhiTx<'_, '_>, id: MessageId) -> Result<Unmatched, DomainError> {
    diesel::delete(unmatched_messages::table.filter(unmatched_messages::id.eq(id.as_uuid())))
        .returning(UNMATCHED)
        .get_result(tx)
        .await
        .optional()
        .map_err(DomainError::Statement)?
        .ok_or(DomainError::NotFound)
}

/// Puts a message that was assigned on the client's record.
pub(super) async fn insert(
    tx: &mut PhiTx<'_, '_>,
    client: ClientId,
    from: &Unmatched,
    payload: Vec<u8>,
) -> Result<(), DomainError> {
    diesel::insert_into(messages::table)
        .values((
            messages::id.eq(from.id),
            messages::client_id.eq(client.as_uuid()),
            messages::direction.eq("in"),
            messages::channel.eq(&from.channel),
            messages::provider_id.eq(&from.provider_id),
            messages::received_at.eq(from.received_at),
            messages::payload.eq(payload),
        ))
        .execute(tx)
        .await
        .map(drop)
        .map_err(DomainError::Statement)
}

/// A number's last word.
pub(super) async fn last_consent(tx: &mut TenantTx<'_>, digest: Vec<u8>) -> Result<Option<String>, DomainError> {
    sms_consents::table
        .filter(sms_consents::digest.eq(digest))
        .order((sms_consents::received_at.desc(), sms_consents::event_id.desc()))
        .select(sms_consents::state)
        .first(tx)
        .await
        .optional()
        .map_err(DomainError::Statement)
}
