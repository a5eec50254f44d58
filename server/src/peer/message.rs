//! Passes messages to the application, and its answers back.

use std::sync::Arc;
use std::time::Duration;

use onesocket_protocol::{FrameErrorCode, MessageId};
use tokio::time::timeout;
use tracing::warn;

use crate::app::App;
use crate::handler::{Answer, Incoming};
use crate::hub::{Command, Key, Known};
use crate::outgoing::Outgoing;
use crate::payload::Payload;

/// How long the application may take to handle a message.
const HANDLER_TIME: Duration = Duration::from_secs(10);

/// The maximum length of the sentence of a refusal, in characters.
const MAX_SENTENCE: usize = 500;

/// The sender of a message.
pub(crate) struct Sender {
    pub(crate) user: String,
    pub(crate) client: Option<String>,
    pub(crate) key: Key,
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
    let Sender { user, client, key } = sender;
    let user_lock = app.hub.user_lock(&user);
    let _locked = user_lock.lock().await;
    match app.hub.known(key, id) {
        Known::Answered(answer) => return vec![answer],
        Known::TooLate => return Vec::new(),
        Known::New => {}
    }
    let message = Incoming { user: user.clone(), connection: key.connection_id(), id, payload };
    let answer = match ask(&app, message).await {
        Answer::Accept => Ok(None),
        Answer::Reply(payload) => reply(&app, id, &payload).map(Some),
        Answer::Refuse(sentence) => Err(refusal(id, &sentence)),
    };
    app.hub.tell(key, Command::Handled { key, user, client, id, answer })
}

async fn ask(app: &App, message: Incoming) -> Answer {
    let Some(handler) = app.handler.clone() else {
        return Answer::Refuse("this server has no use for messages to itself".into());
    };
    // A task of its own, so that a panic ends the handling of this message and nothing else.
    let mut asked = tokio::spawn(async move { handler.handle(message).await });
    match timeout(HANDLER_TIME, &mut asked).await {
        Ok(Ok(answer)) => answer,
        Ok(Err(_)) => {
            warn!("The handler has panicked");
            Answer::Refuse("the server could not handle this".into())
        }
        Err(_) => {
            asked.abort();
            warn!("The handler took too long");
            Answer::Refuse("the server took too long to handle this".into())
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
