//! The configuration on the interface.

use super::role::Caller;
use super::service::Service;
use crate::config::{Change, TrialError};
use crate::settings::Settings;
use concentrator_proto::v1;
use concentrator_proto::v1::config_server::Config;
use plc_core::time::Duration;
use std::sync::Arc;
use tonic::{Request, Response, Status};

/// The configuration, beside the rest of the interface.
#[derive(Clone, Debug)]
pub(super) struct ConfigService(pub(super) Arc<Service>);

impl ConfigService {
    /// Works on the files of the configuration, beside the threads of the runtime.
    async fn work<T: Send + 'static>(
        &self,
        work: impl FnOnce(&Settings) -> Result<T, TrialError> + Send + 'static,
    ) -> Result<T, Status> {
        let live = self.0.shared();
        let done = self.0.beside("configuration", move || {
            let settings = live.settings().ok_or_else(|| Status::unavailable("there is no file here"))?;
            work(settings).map_err(|error| refused(&error))
        });
        done.await
    }

    /// The same for what changes something: on record first, or it is not done.
    async fn command<T: Send + 'static>(
        &self,
        who: Caller,
        what: &'static str,
        work: impl FnOnce(&Settings, &str) -> Result<T, TrialError> + Send + 'static,
    ) -> Result<T, Status> {
        let name = self.0.record(who, what, String::new()).await?;
        self.work(move |settings| work(settings, &name)).await
    }
}

#[tonic::async_trait]
impl Config for ConfigService {
    async fn show_config(
        &self,
        _: Request<v1::ShowConfigRequest>,
    ) -> Result<Response<v1::ShowConfigResponse>, Status> {
        let live = self.0.live();
        let rows = live.configuration().into_iter().map(|(key, value)| v1::ConfigRow { key, value });
        let pending = match live.settings() {
            Some(_) => self.work(Settings::pending).await?,
            None => None,
        };
        let trial_until_ms = pending.map(|pending| pending.until.as_millis());
        Ok(Response::new(v1::ShowConfigResponse { rows: rows.collect(), trial_until_ms }))
    }

    async fn preview_config(
        &self,
        request: Request<v1::PreviewConfigRequest>,
    ) -> Result<Response<v1::PreviewConfigResponse>, Status> {
        let text = request.into_inner().text;
        let changes = self.work(move |settings| settings.preview(&text)).await?;
        Ok(Response::new(v1::PreviewConfigResponse { changes: messages(changes) }))
    }

    async fn apply_config(
        &self,
        request: Request<v1::ApplyConfigRequest>,
    ) -> Result<Response<v1::ApplyConfigResponse>, Status> {
        let who = Caller::of(&request)?;
        let v1::ApplyConfigRequest { text, confirm_s } = request.into_inner();
        if confirm_s > DAY_S {
            let text = format!("confirm_s {confirm_s}: expected at most {DAY_S}");
            return Err(Status::invalid_argument(text));
        }
        let confirm = (confirm_s > 0).then(|| Duration::from_secs(confirm_s.into()));
        let apply = move |settings: &Settings, who: &str| settings.apply(&text, confirm, who);
        let changes = self.command(who, "apply-config", apply).await?;
        Ok(Response::new(v1::ApplyConfigResponse { changes: messages(changes) }))
    }

    async fn confirm_config(
        &self,
        request: Request<v1::ConfirmConfigRequest>,
    ) -> Result<Response<v1::ConfirmConfigResponse>, Status> {
        let who = Caller::of(&request)?;
        self.command(who, "confirm-config", |settings, who| settings.confirm(who)).await?;
        Ok(Response::new(v1::ConfirmConfigResponse {}))
    }

    async fn revert_config(
        &self,
        request: Request<v1::RevertConfigRequest>,
    ) -> Result<Response<v1::RevertConfigResponse>, Status> {
        let who = Caller::of(&request)?;
        let revert = |settings: &Settings, who: &str| settings.revert(&format!("wanted by {who}"));
        let changes = self.command(who, "revert-config", revert).await?;
        Ok(Response::new(v1::RevertConfigResponse { changes: messages(changes) }))
    }
}

fn messages(changes: Vec<Change>) -> Vec<v1::ConfigChange> {
    let message = |Change { key, old, new, effect }| {
        let effect = effect.as_str().to_owned();
        v1::ConfigChange { key, old, new, effect }
    };
    changes.into_iter().map(message).collect()
}

fn refused(error: &TrialError) -> Status {
    match error {
        TrialError::Wrong(_) => Status::invalid_argument(error.to_string()),
        TrialError::UnderWay(_) | TrialError::None | TrialError::Restart(_) => {
            Status::failed_precondition(error.to_string())
        }
        TrialError::File { .. } => Status::internal(error.to_string()),
    }
}

const DAY_S: u32 = 86_400;
