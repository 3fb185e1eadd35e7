//! Types and shapes of values, and a node's inputs by name.

use crate::kernels::Quant;

/// Type of a value's elements.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum ElementType {
    /// 32-bit float.
    F32,
    /// Unsigned byte: a quantized number.
    U8,
    /// Signed byte: a quantized weight.
    I8,
    /// 64-bit signed integer.
    I64,
}

impl ElementType {
    /// Size in bytes.
    #[must_use]
    pub fn bytes(self) -> usize {
        match self {
            ElementType::F32 => 4,
            ElementType::U8 | ElementType::I8 => 1,
            ElementType::I64 => 8,
        }
    }
}

/// Type and shape of a value.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Fact {
    /// Type of its elements.
    pub element: ElementType,
    /// Length of each axis.
    pub shape: Vec<usize>,
}

impl Fact {
    /// A fact.
    #[must_use]
    pub fn new(element: ElementType, shape: &[usize]) -> Self {
        Self {
            element,
            shape: shape.to_vec(),
        }
    }

    /// Number of elements.
    #[must_use]
    pub fn len(&self) -> usize {
        self.shape.iter().product()
    }

    /// Whether there are none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
}

/// A constant's elements.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Data<'a> {
    /// Floats.
    F32(&'a [f32]),
    /// Unsigned bytes.
    U8(&'a [u8]),
    /// Signed bytes.
    I8(&'a [i8]),
    /// Integers.
    I64(&'a [i64]),
}

/// A constant.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Constant<'a> {
    /// Length of each axis.
    pub shape: &'a [usize],
    /// Its elements, row-major.
    pub data: Data<'a>,
}

impl Constant<'_> {
    /// Its type and shape.
    #[must_use]
    pub fn fact(&self) -> Fact {
        let element = match self.data {
            Data::F32(_) => ElementType::F32,
            Data::U8(_) => ElementType::U8,
            Data::I8(_) => ElementType::I8,
            Data::I64(_) => ElementType::I64,
        };
        Fact::new(element, self.shape)
    }
}

/// One input of a node as it is built.
#[derive(Clone, Debug, PartialEq)]
pub enum NodeInput<'a> {
    /// Not given.
    Absent,
    /// Known now.
    Constant(Constant<'a>),
    /// Given at each run.
    Dynamic(Fact),
}

/// A node's inputs, by the names of `docs/nodes.md`.
#[derive(Debug)]
pub struct NodeInputs<'a> {
    names: &'static [&'static str],
    values: Vec<NodeInput<'a>>,
}

impl<'a> NodeInputs<'a> {
    /// Inputs in the node's order; those left off at the end are absent.
    ///
    /// # Errors
    /// More values than names.
    pub fn new(
        names: &'static [&'static str],
        mut values: Vec<NodeInput<'a>>,
    ) -> Result<Self, String> {
        if values.len() > names.len() {
            return Err(format!(
                "takes {} inputs ({}), found {}",
                names.len(),
                names.join(", "),
                values.len()
            ));
        }
        values.resize(names.len(), NodeInput::Absent);
        Ok(Self { names, values })
    }

    /// The input of this name; absent also if the node has none of this name.
    #[must_use]
    pub fn get(&self, name: &str) -> &NodeInput<'a> {
        let at = self.names.iter().position(|known| *known == name);
        at.map_or(&NodeInput::Absent, |at| &self.values[at])
    }

    /// All of them, in order.
    pub fn iter(&self) -> impl Iterator<Item = &NodeInput<'a>> {
        self.values.iter()
    }

    /// Whether it is given.
    #[must_use]
    pub fn has(&self, name: &str) -> bool {
        *self.get(name) != NodeInput::Absent
    }

    /// Type and shape of an input.
    ///
    /// # Errors
    /// It is absent.
    pub fn fact(&self, name: &str) -> Result<Fact, String> {
        match self.get(name) {
            NodeInput::Absent => Err(format!("'{name}' is missing")),
            NodeInput::Constant(constant) => Ok(constant.fact()),
            NodeInput::Dynamic(fact) => Ok(fact.clone()),
        }
    }

    /// Rows and columns of a rank-2 input.
    ///
    /// # Errors
    /// It is absent, or of another rank.
    pub fn matrix(&self, name: &str) -> Result<[usize; 2], String> {
        let fact = self.fact(name)?;
        <[usize; 2]>::try_from(fact.shape.as_slice())
            .map_err(|_| format!("'{name}': expected [rows, columns], found {:?}", fact.shape))
    }

    /// Refuses an input that is not of this type and shape; an absent one passes.
    ///
    /// # Errors
    /// What was expected and found.
    pub fn check(&self, name: &str, element: ElementType, shape: &[usize]) -> Result<(), String> {
        if !self.has(name) {
            return Ok(());
        }
        let found = self.fact(name)?;
        let expected = Fact::new(element, shape);
        if found == expected {
            return Ok(());
        }
        Err(format!("'{name}': expected {expected:?}, found {found:?}"))
    }

    /// A constant of floats.
    ///
    /// # Errors
    /// It is absent, not constant, of another type, or holds a NaN or an infinity.
    pub fn floats(&self, name: &str) -> Result<&'a [f32], String> {
        match self.constant(name)?.data {
            Data::F32(data) if data.iter().all(|v| v.is_finite()) => Ok(data),
            Data::F32(_) => Err(format!("'{name}' is not finite")),
            _ => Err(format!("'{name}': expected float32")),
        }
    }

    /// A constant of floats that may be absent.
    ///
    /// # Errors
    /// As [`NodeInputs::floats`], but for its absence.
    pub fn floats_if_any(&self, name: &str) -> Result<Option<&'a [f32]>, String> {
        self.has(name).then(|| self.floats(name)).transpose()
    }

    /// A constant of signed bytes.
    ///
    /// # Errors
    /// It is absent, not constant, or of another type.
    pub fn signed_bytes(&self, name: &str) -> Result<&'a [i8], String> {
        match self.constant(name)?.data {
            Data::I8(data) => Ok(data),
            _ => Err(format!("'{name}': expected int8")),
        }
    }

    /// A constant of one byte.
    ///
    /// # Errors
    /// It is absent, not constant, of another type, or not one.
    pub fn byte(&self, name: &str) -> Result<u8, String> {
        match self.constant(name)?.data {
            Data::U8([one]) => Ok(*one),
            _ => Err(format!("'{name}': expected one uint8")),
        }
    }

    /// A constant of one float.
    ///
    /// # Errors
    /// As [`NodeInputs::floats`], or it is not one.
    pub fn float(&self, name: &str) -> Result<f32, String> {
        match self.floats(name)? {
            [one] => Ok(*one),
            _ => Err(format!("'{name}': expected one float32")),
        }
    }

    /// The quantization called `<name>_scale` and `<name>_zero`, if given.
    ///
    /// # Errors
    /// One without the other, of other types, or a scale that is no size of steps.
    pub fn quant(&self, name: &str) -> Result<Option<Quant>, String> {
        let (scale, zero) = (format!("{name}_scale"), format!("{name}_zero"));
        if !self.has(&scale) {
            return Ok(None);
        }
        let quant = Quant {
            scale: self.float(&scale)?,
            zero: self.byte(&zero)?,
        };
        if quant.scale < f32::MIN_POSITIVE || !(1.0 / quant.scale).is_finite() {
            return Err(format!("'{scale}' is {}, not a size of steps", quant.scale));
        }
        Ok(Some(quant))
    }

    fn constant(&self, name: &str) -> Result<Constant<'a>, String> {
        match self.get(name) {
            NodeInput::Constant(constant) => Ok(*constant),
            NodeInput::Absent => Err(format!("'{name}' is missing")),
            NodeInput::Dynamic(_) => Err(format!("'{name}' must be constant")),
        }
    }
}
