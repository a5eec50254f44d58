//! Passes messages and questions to the application, and its answers back.

use std::sync::Arc;
use std::time::Duration;

use onesocket_protocol::{FrameErrorCode, Group, MessageId};
use tokio::time::timeout;
use tracing::warn;

use crate::app::App;
use crate::handler::{Answer, Decision, GroupRequest, Incoming};
use crate::hub::{Command, Key, Known};
use crate::outgoing::Outgoing;
use crate::payload::Payload;
use crate::session::Wish;

/// How long the application may take to handle a message, or to decide.
const HANDLER_TIME: Duration = Duration::from_secs(10);

/// The maximum length of the sentence of a refusal, in characters.
const MAX_SENTENCE: usize = 500;

/// The sender of a message.
pub(crate) struct Sender {
    pub(crate) user: String,
    pub(crate) client: Option<String>,
    pub(crate) key: Key,
    /// The connection over which it speaks.
    pub(crate) connection: Key,
}

/// Lets the application handle a message, unless it was handled before; returns the frames for the
/// client. It is not dropped with the connection: it finishes a message that it has begun, and the
/// same message over a new connection waits for that.
pub(crate) async fn handle(
    app: Arc<App>,
    sender: Sender,
    id: MessageId,
    payload: Payload,
) -> Vec<Outgoing> {
    let Sender { user, client, key, connection } = sender;
    let user_lock = app.hub.user_lock(&user);
    let _locked = user_lock.lock().await;
    match app.hub.known(key, id) {
        Known::Answered(answer) => return vec![answer],
        Known::TooLate => return Vec::new(),
        Known::New => {}
    }
    let message =
        Incoming { user: user.clone(), connection: connection.connection_id(), id, payload };
    let answer = match ask(&app, message).await {
        Answer::Accept => Ok(None),
        Answer::Reply(payload) => reply(&app, id, &payload).map(Some),
        Answer::Refuse(sentence) => Err(refusal(id, &sentence)),
    };
    app.hub.tell(Command::Handled { key, user, client, id, answer })
}

async fn ask(app: &App, message: Incoming) -> Answer {
    let Some(handler) = app.handler.clone() else {
        return Answer::Refuse("this server has no use for messages to itself".into());
    };
    match in_time(async move { handler.handle(message).await }).await {
        Ok(answer) => answer,
        Err(Unanswered::Panicked) => Answer::Refuse("the server could not handle this".into()),
        Err(Unanswered::TooLate) => {
            Answer::Refuse("the server took too long to handle this".into())
        }
    }
}

/// Lets the application decide about a group.
pub(crate) async fn decide(
    app: &App,
    user: String,
    key: Key,
    group: Group,
    wish: &Wish,
) -> Decision {
    let Some(handler) = app.handler.clone() else { return Decision::ByToken };
    let request = GroupRequest { user, connection: key.connection_id(), group };
    let is_join = matches!(wish, Wish::Join);
    let asked = async move {
        match is_join {
            true => handler.may_join(request).await,
            false => handler.may_publish(request).await,
        }
    };
    in_time(asked).await.unwrap_or(Decision::Refuse)
}

/// Why the application has not answered.
enum Unanswered {
    Panicked,
    TooLate,
}

/// Awaits the application, in a task of its own: so a panic ends nothing else.
async fn in_time<T: Send + 'static>(
    asked: impl Future<Output = T> + Send + 'static,
) -> Result<T, Unanswered> {
    let mut asked = tokio::spawn(asked);
    match timeout(HANDLER_TIME, &mut asked).await {
        Ok(Ok(answer)) => Ok(answer),
        Ok(Err(_)) => {
            warn!("The handler has panicked");
            Err(Unanswered::Panicked)
        }
        Err(_) => {
            asked.abort();
            warn!("The handler took too long");
            Err(Unanswered::TooLate)
        }
    }
}

fn reply(app: &App, id: MessageId, payload: &Payload) -> Result<Outgoing, Outgoing> {
    let frame = payload.frame(None);
    if frame.len() > app.config.max_frame() {
        warn!(bytes = frame.len(), "The handler's reply is too large");
        return Err(refusal(id, "the server's reply was too large to be sent"));
    }
    Ok(frame)
}

fn refusal(id: MessageId, sentence: &str) -> Outgoing {
    let sentence: String = sentence.chars().take(MAX_SENTENCE).collect();
    Outgoing::error(Some(id), FrameErrorCode::Refused, sentence)
}
