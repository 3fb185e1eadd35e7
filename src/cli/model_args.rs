use std::path::Path;
use std::sync::Arc;

use compute::kernels::Cpu;
use engine::flow::Pipeline;
use engine::model::store::Store;
use picture::frame::FrameLimits;

use super::failure::Failure;
use embed::find_models;

/// Which model to use, and with how many threads.
#[derive(Debug, clap::Args)]
pub(super) struct ModelArgs {
    /// Model of the manifest; its default one if not given.
    #[arg(long)]
    pub model: Option<String>,
    /// Computing threads; 0: one per core.
    #[arg(long, default_value_t = 0, value_parser = clap::value_parser!(u16).range(0..=256))]
    pub threads: u16,
    #[arg(long, value_name = "NAME", help = cpu_help())]
    pub cpu: Option<Cpu>,
}

fn cpu_help() -> String {
    format!(
        "Instructions to compute with, of those that this machine has: {}; the last, which is the fastest, if not given. \
         The results are the same bit for bit",
        Cpu::names()
    )
}

impl ModelArgs {
    /// A pipeline over the models folder.
    pub fn pipeline(&self, models: Option<&Path>) -> Result<Pipeline, Failure> {
        let cpu = self.cpu.unwrap_or_else(Cpu::best);
        let dir = find_models(models, None)?;
        let store = Store::open_for(&dir, self.model.as_deref(), cpu)?;
        Ok(Pipeline::new(
            Arc::new(store),
            self.threads.into(),
            FrameLimits::default(),
        )?)
    }
}
