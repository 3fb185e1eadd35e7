//! What can be asked of a picture: one list, from which query, form and OpenAPI document are made.

#[cfg(test)]
mod tests;
mod told;

use axum::http::{HeaderMap, header};
use utoipa::{IntoParams, ToSchema};

pub use self::told::PixelMm;
use self::told::{
    CaliperPx, FramesWish, IdentityWish, OnMismatchWish, Page, RegionWish, Told, WindowWish,
};
use crate::negotiate::best_of;
use crate::problem::{Kind, Problem, shortened};
use dicom::{Identity, IntakeWish};
use picture::report::{Extras, Form};
use picture::segmenter::{Ask, OnMismatch};

/// Declares the wishes: what each means, its name, the type its text is read as ([`Told`]).
macro_rules! wishes {
    ($($(#[$about:meta])* $name:ident: $type:ident,)*) => {
        /// What a request asks for, as it was sent: as query parameters, as text fields of a form, or some here and
        /// some there.
        #[derive(Clone, Debug, Default, PartialEq, IntoParams)]
        #[into_params(parameter_in = Query)]
        pub struct Wishes { $($(#[$about])* $name: Option<$type>,)* }

        /// A picture with its wishes, as `multipart/form-data`. The wishes are those of the query.
        #[derive(ToSchema)]
        #[expect(dead_code, reason = "describes the form in the OpenAPI document")]
        pub struct SegmentForm {
            /// The picture file.
            #[schema(value_type = String, format = Binary)]
            image: Vec<u8>,
            $($(#[$about])* #[schema(nullable = false)] $name: Option<$type>,)*
        }

        impl Wishes {
            /// Their names, in this order.
            pub const NAMES: &'static [&'static str] = &[$(stringify!($name)),*];

            /// Reads one wish; an empty text is none. `at_fault` is the problem that this is where it cannot be read.
            ///
            /// # Errors
            /// An unknown name, a text that means nothing, a wish given before.
            pub fn set(&mut self, name: &str, text: &str, at_fault: Kind) -> Result<(), Problem> {
                match name {
                    $(stringify!($name) => put(&mut self.$name, name, text),)*
                    _ => Err(unknown(name)),
                }
                .map_err(|detail| at_fault.because(detail))
            }

            /// These wishes, of the query, and those of the form. What both name must be the same.
            ///
            /// # Errors
            /// [`Kind::BadMultipart`], where one is asked to be two things.
            pub fn and(self, form: Self) -> Result<Self, Problem> {
                Ok(Self { $($name: same(stringify!($name), self.$name, form.$name)?,)* })
            }
        }
    };
}

wishes! {
    /// Modality name, from /v1/modalities, or `auto`: the modality guard then chooses. Required (in the query or as a
    /// form field): it is never guessed unasked. Of DICOM alone it may be left out: what the file says is then taken, and
    /// the reply says so.
    modality: String,
    /// Model name, from /v1/models; if left out, the one meant for the modality.
    model: String,
    /// What becomes of a picture that plainly is not of the modality; if left out, `refuse`.
    on_mismatch: OnMismatchWish,
    /// Form of the reply; outranks `Accept`.
    format: Form,
    /// Whether a JSON reply has the patch prompt: the coarse map the model made for itself, where it looked.
    patch: bool,
    /// Millimetres per pixel of the upright picture: a JSON reply then has the mask's ellipse and its circumference.
    pixel_mm: PixelMm,
    /// Whether a JSON reply has the sizes of the mask and of its regions: area, perimeter, diameters and axes, each with its
    /// unit and how far it is to be trusted.
    sizes: bool,
    /// A line over the picture, x and y of one end and of the other, px of the upright picture: a JSON reply then has its
    /// length, and how much of it lies in the mask.
    caliper: CaliperPx,
    /// Which page of a TIFF of several, from 1; if left out, the first.
    page: Page,
    /// Which frames of a DICOM file, from 0: `7`, or `0,5,10-20`; if left out, the first. Several are answered as JSON.
    frames: FramesWish,
    /// Which grey values of a DICOM file are shown: centre and width, after rescaling; if left out, as the file says.
    window: WindowWish,
    /// The part of the picture to look at: `x,y,width,height` in the upright picture's pixels, or the number of one of a
    /// DICOM file's ultrasound regions, from 1; if left out, all of it.
    region: RegionWish,
    /// Whether DICOM objects (`format=seg`, `seg-fractional`, `sr`, `sr-outlines`, `capture`) say who they are of; if left out, `removed`.
    identity: IdentityWish,
}

/// A whole picture file as the body.
#[derive(ToSchema)]
#[schema(value_type = String, format = Binary)]
#[expect(dead_code, reason = "describes the body in the OpenAPI document")]
pub struct PictureFile(Vec<u8>);

/// Reads `text` into an empty `slot`, or says what is wrong.
fn put<T: Told>(slot: &mut Option<T>, name: &str, text: &str) -> Result<(), String> {
    if text.is_empty() {
        return Ok(());
    }
    let unreadable = || {
        let (text, accepted) = (shortened(text), T::accepted());
        format!("`{name}` is '{text}'; it takes {accepted}.")
    };
    let value = T::read(text).ok_or_else(unreadable)?;
    match slot.replace(value) {
        None => Ok(()),
        Some(_) => Err(format!("`{name}` is given twice.")),
    }
}

fn unknown(name: &str) -> String {
    let (name, known) = (shortened(name), Wishes::NAMES.join(", "));
    format!("`{name}` is unknown; what can be asked for: {known}.")
}

/// What the query or the form asks; an error if each asks something else.
fn same<T: PartialEq>(name: &str, query: Option<T>, form: Option<T>) -> Result<Option<T>, Problem> {
    match (query, form) {
        (Some(one), Some(other)) if one != other => Err(Kind::BadMultipart.because(format!(
            "`{name}` is given in the query and in the form, with different values."
        ))),
        (query, form) => Ok(query.or(form)),
    }
}

/// A request understood.
pub struct Wish {
    /// Of the file.
    pub intake: IntakeWish,
    model: Option<String>,
    on_mismatch: OnMismatch,
    pub form: Form,
    pub extras: Extras,
}

impl Wish {
    /// Settles what was left open: the reply's form by `Accept`, the rest by its default.
    ///
    /// # Errors
    /// No form that the client accepts.
    pub fn of(wishes: Wishes, headers: &HeaderMap) -> Result<Self, Problem> {
        // Several `Accept` lines are one list (RFC 9110 §5.3).
        let accept: Vec<_> = headers
            .get_all(header::ACCEPT)
            .iter()
            .filter_map(|line| line.to_str().ok())
            .collect();
        let accept = accept.join(",");
        let refused = || {
            let accept = shortened(&accept);
            Kind::NotAcceptable.because(format!("The client accepts '{accept}' alone."))
        };
        let form = wishes
            .format
            .or_else(|| best_of(&accept))
            .ok_or_else(refused)?;
        let on_mismatch = match wishes.on_mismatch {
            Some(OnMismatchWish::Keep) => OnMismatch::Keep,
            Some(OnMismatchWish::Refuse) | None => OnMismatch::Refuse,
        };
        let identity = match wishes.identity {
            Some(IdentityWish::Kept) => Identity::Kept,
            Some(IdentityWish::Removed) | None => Identity::Removed,
        };
        Ok(Self {
            intake: IntakeWish {
                objects: form.is_dicom().then_some(identity),
                modality: wishes.modality,
                page: wishes.page.map(|Page(number)| number.get()),
                frames: wishes.frames.map(|FramesWish(frames)| frames),
                window: wishes.window.map(|WindowWish(window)| window),
                region: wishes.region.map(|RegionWish(region)| region),
                scale: wishes.pixel_mm.map(|PixelMm(size)| size).into(),
            },
            model: wishes.model,
            on_mismatch,
            form,
            extras: Extras {
                patch: wishes.patch.unwrap_or(false),
                sizes: wishes.sizes.unwrap_or(false),
                caliper: wishes.caliper.map(|CaliperPx(line)| line),
            },
        })
    }

    /// What the engine is asked; `suggested` is the modality where none was asked for.
    ///
    /// # Errors
    /// [`Kind::MissingModality`].
    pub fn ask(&self, suggested: Option<&str>) -> Result<Ask, Problem> {
        let modality = self.intake.modality.as_deref().or(suggested);
        let modality = modality
            .ok_or_else(|| Kind::MissingModality.because("The picture alone does not tell it."))?;
        Ok(Ask {
            model: self.model.clone(),
            on_mismatch: self.on_mismatch,
            ..Ask::new(modality)
        })
    }
}
