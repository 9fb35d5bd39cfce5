//! `/api/v1/people?email=…`: everything that is kept of a person, shown or erased.

use axum::Json;
use axum::extract::State;
use serde::Serialize;
use shared::db::interviews::{self, Interview};
use shared::db::merchants::Merchant;
use shared::db::people::{self, Erased, SentRow};
use shared::db::users::{self, User};
use shared::db::{Conn, captured_mails, interviewees, messages, registrations};
use shared::domain::{EmailAddress, InterviewAnswer, InterviewShown};
use utoipa::{IntoParams, ToSchema};
use uuid::Uuid;

use super::captured_mails::MailShown;
use super::interviewees::IntervieweeOfMerchant;
use super::messages::Message;
use super::paging::{OfMerchant, Query};
use super::users::UserShown;
use crate::app::App;
use crate::auth::Principal;
use crate::problem::Problem;
use crate::render::{self, RegistrationShown};

/// More than any person has of anything.
const ALL: i64 = 100_000;

/// Who.
#[derive(IntoParams)]
#[into_params(parameter_in = Query)]
#[expect(dead_code, reason = "described here, read by `Query`")]
struct Wanted {
    /// The person's address, in any case.
    #[param(format = Email)]
    email: String,
}

/// A person's row in a batch, as it was sent.
#[derive(Serialize, ToSchema)]
struct RowOfBatch {
    batch_id: Uuid,
    #[schema(required)]
    name: Option<String>,
    #[schema(required)]
    email: Option<String>,
    #[schema(required)]
    external_id: Option<String>,
}

/// All that is kept of a person.
#[derive(Serialize, ToSchema)]
pub(crate) struct Person {
    email: String,
    /// Whether mail to the address bounced.
    has_bounced: bool,
    users: Vec<UserShown>,
    interviewees: Vec<IntervieweeOfMerchant>,
    /// On either side.
    interviews: Vec<InterviewShown>,
    registrations: Vec<RegistrationShown>,
    batch_rows: Vec<RowOfBatch>,
    messages: Vec<Message>,
    captured_mails: Vec<MailShown>,
}

/// A person's export.
#[derive(Serialize, ToSchema)]
pub(crate) struct OnePerson {
    person: Person,
}

/// What was erased, counted.
#[derive(Serialize, ToSchema)]
pub(crate) struct ErasedCounts {
    /// Deleted.
    registrations: u64,
    /// Emptied; the batches keep their counts.
    batch_rows: u64,
    /// Deleted, or emptied.
    messages: u64,
    /// Deleted.
    captured_mails: u64,
    /// Emptied; nobody signs in as them any more.
    users: u64,
    /// Emptied, and cancelled where they were still to come.
    interviews: u64,
    /// Deleted.
    suppressions: u64,
    /// Answers that were kept for repeated requests, deleted.
    recorded_answers: u64,
}

/// What an erasure is answered with.
#[derive(Serialize, ToSchema)]
pub(crate) struct Erasure {
    erased: ErasedCounts,
}

/// All that is kept of a person
///
/// For admins. A person of whom nothing is kept has empty lists.
#[utoipa::path(
    get, path = "/api/v1/people", tag = "People", operation_id = "export_person", params(Wanted, OfMerchant),
    responses((status = 200, description = "The export.", body = OnePerson))
)]
pub(crate) async fn export(
    State(app): State<App>,
    principal: Principal,
    query: Query,
) -> Result<Json<OnePerson>, Problem> {
    principal.must_be_admin()?;
    let address = address(&query)?;
    let mut tx = app.db.begin().await?;
    let merchant = principal.merchant(&mut tx, query.merchant_id()?, "?merchant_id").await?;
    let person = collect(&app, &mut tx, &merchant, &address).await?;
    principal.note(&mut tx, &app.clock, merchant.id, "export_person", None).await?;
    tx.commit().await?;
    Ok(Json(OnePerson { person }))
}

/// Erase a person
///
/// For admins: from every table, for good. What others still need stays without the person in it: counts of batches,
/// interviews that took place. Interviews that were still to come are cancelled, and the other side is told.
#[utoipa::path(
    delete, path = "/api/v1/people", tag = "People", operation_id = "erase_person", params(Wanted, OfMerchant),
    responses((status = 200, description = "What was erased.", body = Erasure))
)]
pub(crate) async fn erase(
    State(app): State<App>,
    principal: Principal,
    query: Query,
) -> Result<Json<Erasure>, Problem> {
    principal.must_be_admin()?;
    let (address, now) = (address(&query)?, app.clock.now());
    let key = address.key();
    let mut tx = app.db.begin().await?;
    let merchant = principal.merchant(&mut tx, query.merchant_id()?, "?merchant_id").await?;
    if people::erase_waiting(&mut tx, merchant.id, &key).await?.is_err() {
        let told = "The person is being registered at this moment; try again.".to_owned();
        return Err(Problem::Conflict("contended", told));
    }
    let mut erased = people::erase_registrations(&mut tx, merchant.id, &key).await?;
    for user in with_address(&mut tx, &merchant, &key).await? {
        let of_user = people::erase_user(&mut tx, &user, app.entropy.uuid(now), now).await?;
        erased = sum(erased, of_user);
    }
    principal.note(&mut tx, &app.clock, merchant.id, "erase_person", None).await?;
    tx.commit().await?;
    Ok(Json(Erasure { erased: shown(erased) }))
}

fn address(query: &Query) -> Result<EmailAddress, Problem> {
    let text = query.text("email").ok_or_else(|| Problem::invalid("?email", "is required"))?;
    // A plus in an address is often sent as it is, and read as a space.
    EmailAddress::parse(&text.trim().replace(' ', "+")).map_err(|error| {
        Problem::invalid("?email", error.to_string().trim_start_matches("email ").to_owned())
    })
}

async fn with_address(conn: &mut Conn, merchant: &Merchant, key: &str) -> Result<Vec<User>, Problem> {
    let filter = users::Filter { email_key: Some(key.to_owned()), ..users::Filter::default() };
    Ok(users::page(conn, merchant.id, i64::MAX, ALL, &filter).await?)
}

async fn collect(
    app: &App,
    conn: &mut Conn,
    merchant: &Merchant,
    address: &EmailAddress,
) -> Result<Person, Problem> {
    let key = address.key();
    let users = with_address(conn, merchant, &key).await?;
    let (mut as_interviewee, mut met) = (Vec::new(), Vec::new());
    for user in &users {
        as_interviewee
            .extend(interviewees::page(conn, merchant.id, i64::MAX, ALL, Some(user.id), None).await?);
        for filter in [
            interviews::Filter { driver: Some(user.id), ..interviews::Filter::default() },
            interviews::Filter { interviewer: Some(user.id), ..interviews::Filter::default() },
        ] {
            met.extend(interviews::page(conn, merchant.id, i64::MAX, ALL, &filter).await?);
        }
    }
    let filter = registrations::Filter { email_key: Some(key.clone()), ..registrations::Filter::default() };
    let invited = registrations::page(conn, merchant.id, i64::MAX, ALL, &filter).await?;
    let mails = messages::of_person(conn, merchant.id, &key, ALL).await?;
    let captured =
        captured_mails::page(conn, Some(merchant.id), i64::MAX, ALL, Some(address.as_str())).await?;
    Ok(Person {
        has_bounced: people::has_bounced(conn, merchant.id, &key).await?,
        batch_rows: people::sent_rows(conn, merchant.id, &key).await?.into_iter().map(row).collect(),
        email: key,
        users: users.into_iter().map(super::users::shown).collect(),
        interviewees: as_interviewee.into_iter().map(super::interviewees::shown).collect(),
        interviews: met.iter().map(|i: &Interview| InterviewAnswer::from(i).interview).collect(),
        registrations: invited.iter().map(|r| render::registration(app, r)).collect(),
        messages: mails.into_iter().map(super::messages::shown).collect(),
        captured_mails: captured.into_iter().map(|m| super::captured_mails::shown(app, m)).collect(),
    })
}

fn row(r: SentRow) -> RowOfBatch {
    RowOfBatch { batch_id: r.submission_id, name: r.name, email: r.email, external_id: r.external_id }
}

fn sum(a: Erased, b: Erased) -> Erased {
    Erased {
        registrations: a.registrations + b.registrations,
        batch_rows: a.batch_rows + b.batch_rows,
        messages: a.messages + b.messages,
        captured_mails: a.captured_mails + b.captured_mails,
        users: a.users + b.users,
        interviews: a.interviews + b.interviews,
        suppressions: a.suppressions + b.suppressions,
        recorded_answers: a.recorded_answers + b.recorded_answers,
    }
}

fn shown(e: Erased) -> ErasedCounts {
    ErasedCounts {
        registrations: e.registrations,
        batch_rows: e.batch_rows,
        messages: e.messages,
        captured_mails: e.captured_mails,
        users: e.users,
        interviews: e.interviews,
        suppressions: e.suppressions,
        recorded_answers: e.recorded_answers,
    }
}
