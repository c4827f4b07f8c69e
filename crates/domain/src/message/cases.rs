//! The use-cases on messages: whose they are is declared before anything is seen, and a look at those of nobody is on record too.

use crate::client::store as clients;
use crate::crm::{Crm, Listing, Page, checked_limit, cut};
use crate::error::DomainError;
use crate::message::store;
use crate::message::{MessageRecord, OPTED_IN, UnmatchedMessage};
use bearingwall_audit::{Access, Command, Details, EventType, PhiTx};
use bearingwall_core::{ClientId, Ctx, MessageId, Phi};
use bearingwall_tenancy::TenantTx;

const MESSAGES: &str = "crm.messages";
const UNMATCHED: &str = "crm.unmatched_messages";

impl Crm {
    /// Reads a page of a client's messages, newest first.
    ///
    /// # Errors
    /// [`DomainError::NotFound`] without such a client; [`DomainError::Invalid`] for a limit out of its bounds; when the record
    /// or the database is away.
    pub async fn message_list(
        &self,
        ctx: &Ctx,
        client: ClientId,
        page: Page<MessageId>,
    ) -> Result<Listing<MessageRecord, MessageId>, DomainError> {
        let rows = checked_limit(page.limit, Page::<MessageId>::LIMIT_MAX)? + 1;
        let keys = self.tenant_keys(ctx).await?;
        let access = Access::to(EventType::MessageListed, [client]).covering(MESSAGES, &[Command::Select]);
        let mut sealed = self
            .audit()
            .with_access(ctx, access, async |tx: &mut PhiTx<'_, '_>| {
                let found = store::page(tx, client, page.before, rows).await?;
                if found.is_empty() && !clients::exists(tx.tenant(), client).await? {
                    return Err(DomainError::NotFound);
                }
                tx.found(found.len().min(usize::from(page.limit)));
                Ok(found)
            })
            .await?;
        let next = cut(&mut sealed, page.limit, |row| MessageId::from_uuid(row.id));
        let items = sealed
            .into_iter()
            .map(|row| row.open(&keys))
            .collect::<Result<_, _>>()?;
        Ok(Listing { items, next })
    }

    /// Reads a page of the messages of which it is unknown whose they are, newest first.
    ///
    /// # Errors
    /// [`DomainError::Invalid`] for a limit out of its bounds; when the record or the database is away.
    pub async fn unmatched_list(
        &self,
        ctx: &Ctx,
        page: Page<MessageId>,
    ) -> Result<Listing<UnmatchedMessage, MessageId>, DomainError> {
        let rows = checked_limit(page.limit, Page::<MessageId>::LIMIT_MAX)? + 1;
        let keys = self.tenant_keys(ctx).await?;
        let mut sealed = self
            .audit()
            .with_search(
                ctx,
                EventType::UnmatchedListed,
                UNMATCHED,
                async |tx: &mut PhiTx<'_, '_>| {
                    let found = store::unmatched_page(tx, page.before, rows).await?;
                    tx.found(found.len().min(usize::from(page.limit)));
                    Ok::<_, DomainError>(found)
                },
            )
            .await?;
        let next = cut(&mut sealed, page.limit, |row| MessageId::from_uuid(row.id));
        let items = sealed
            .into_iter()
            .map(|row| row.open(&keys))
            .collect::<Result<_, _>>()?;
        Ok(Listing { items, next })
    }

    /// Puts a message on the record of the client whose it is: from then on it is under that client's key and no other.
    ///
    /// # Errors
    /// [`DomainError::NotFound`] without such a message or client; when the record or the database is away.
    // CONTROL: DOM-7
    pub async fn message_assign(&self, ctx: &Ctx, id: MessageId, client: ClientId) -> Result<(), DomainError> {
        let keys = self.tenant_keys(ctx).await?;
        let access = Access::to(EventType::MessageAssigned, [client])
            .and_unmatched(id)
            .covering(UNMATCHED, &[Command::Select, Command::Delete])
            .covering(MESSAGES, &[Command::Insert]);
        self.audit()
            .with_access(ctx, access, async |tx: &mut PhiTx<'_, '_>| {
                let stored = clients::key(tx, client).await?.ok_or(DomainError::NotFound)?;
                let key = keys.unwrap(client, &stored)?;
                let taken = store::unmatched_take(tx, id).await?;
                let text = taken.text(&keys)?;
                store::insert(tx, client, &taken, key.seal_message(id, &text)?).await?;
                tx.details(Details {
                    resource_id: Some(id.as_uuid()),
                    ..Details::default()
                });
                Ok(())
            })
            .await
    }

    /// Whether a text message may be sent to a number: not to one whose last word was that it wants none. Whoever sends asks
    /// this first.
    ///
    /// # Errors
    /// When the database is away.
    // CONTROL: DOM-8
    pub async fn sms_allowed(&self, ctx: &Ctx, number: &Phi<String>) -> Result<bool, DomainError> {
        let digest = self.tenant_keys(ctx).await?.lookup().sms_number(number).to_vec();
        let last = self
            .audit()
            .pool()
            .run(ctx, async |tx: &mut TenantTx<'_>| store::last_consent(tx, digest).await)
            .await?;
        Ok(last.is_none_or(|word| word == OPTED_IN))
    }
}
