//! Standard operators over constants alone, folded when a graph of our nodes is loaded: in double precision, by plain
//! code of ours, so that every CPU folds the same bits. tract would fold them with its own kernels, and those of x86-64
//! and ARM differ in the last bits. What tract still folds (sums, products, quotients, roots, casts, moves) is exact by
//! IEEE 754 on every CPU.

use tract_onnx::Onnx;
use tract_onnx::model::ParsingContext;
use tract_onnx::pb::NodeProto;
use tract_onnx::tract_hir::infer::InferenceOp;
use tract_onnx::tract_hir::internal::*;
use tract_onnx::tract_hir::ops::expandable::{Expansion, expand};

/// An operator of ONNX (opset 20) that folds.
#[derive(Clone, Debug, PartialEq)]
enum Fold {
    /// Of two matrices.
    MatMul,
    /// Over the last axis.
    LayerNormalization {
        epsilon: f32,
    },
    /// x Φ(x).
    Gelu,
    Sin,
    Cos,
}

// No `epsilon` of a graph that loads is NaN.
impl Eq for Fold {}

/// A constant or what was made of some.
struct Array<'a> {
    shape: &'a [usize],
    data: &'a [f32],
}

const NAMES: [&str; 5] = ["MatMul", "LayerNormalization", "Gelu", "Sin", "Cos"];

/// Puts these operators in the place of tract's.
pub(super) fn register(onnx: &mut Onnx) {
    for name in NAMES {
        onnx.op_register.0.insert(name.into(), parse);
    }
}

fn parse(
    _: &ParsingContext,
    proto: &NodeProto,
) -> TractResult<(Box<dyn InferenceOp>, Vec<String>)> {
    let fold = match proto.op_type.as_str() {
        "MatMul" => Fold::MatMul,
        "LayerNormalization" => {
            let axis = proto.get_attr_opt::<i64>("axis")?.unwrap_or(-1);
            ensure!(axis == -1, "LayerNormalization over axis {axis}");
            let epsilon = proto.get_attr_opt::<f32>("epsilon")?;
            Fold::LayerNormalization {
                epsilon: epsilon.unwrap_or(1e-5),
            }
        }
        "Gelu" => {
            let form = proto.get_attr_opt::<&str>("approximate")?;
            ensure!(matches!(form, None | Some("none")), "an approximate Gelu");
            Fold::Gelu
        }
        "Sin" => Fold::Sin,
        "Cos" => Fold::Cos,
        other => bail!("'{other}' is not folded here"),
    };
    Ok((expand(fold), vec![]))
}

impl Fold {
    fn name(&self) -> &'static str {
        match self {
            Self::MatMul => "MatMul",
            Self::LayerNormalization { .. } => "LayerNormalization",
            Self::Gelu => "Gelu",
            Self::Sin => "Sin",
            Self::Cos => "Cos",
        }
    }

    /// Shape of the result, or what does not fit.
    fn shape(&self, inputs: &[&[usize]]) -> Result<Vec<usize>, String> {
        match (self, inputs) {
            (Self::MatMul, [[rows, k], [other, columns]]) if k == other => {
                Ok(vec![*rows, *columns])
            }
            (Self::LayerNormalization { .. }, [x, weight, bias])
                if weight == bias && weight.len() == 1 && x.last() == weight.last() =>
            {
                Ok(x.to_vec())
            }
            (Self::Gelu | Self::Sin | Self::Cos, [x]) => Ok(x.to_vec()),
            _ => Err(format!("{} of shapes {inputs:?}", self.name())),
        }
    }

    /// The numbers, in the order of the shape; `inputs` fit.
    fn compute(&self, inputs: &[Array<'_>]) -> Vec<f32> {
        let each = |f: fn(f64) -> f64| match inputs {
            [x] => x.data.iter().map(|x| f(f64::from(*x)) as f32).collect(),
            _ => Vec::new(),
        };
        match (self, inputs) {
            (Self::MatMul, [a, b]) => {
                let (k, n) = (b.shape[0], b.shape[1]);
                let entry = |i: usize, j: usize| {
                    let products =
                        (0..k).map(|l| f64::from(a.data[i * k + l]) * f64::from(b.data[l * n + j]));
                    products.sum::<f64>() as f32
                };
                let rows = a.shape[0];
                (0..rows * n).map(|at| entry(at / n, at % n)).collect()
            }
            (Self::LayerNormalization { epsilon }, [x, weight, bias]) => {
                let channels = weight.data.len();
                let rows = x.data.chunks_exact(channels.max(1));
                rows.flat_map(|row| {
                    let mean = row.iter().map(|x| f64::from(*x)).sum::<f64>() / channels as f64;
                    let squares = row.iter().map(|x| (f64::from(*x) - mean).powi(2));
                    let variance = squares.sum::<f64>() / channels as f64;
                    let scale = 1.0 / (variance + f64::from(*epsilon)).sqrt();
                    let affine = weight.data.iter().zip(bias.data);
                    row.iter().zip(affine).map(move |(x, (weight, bias))| {
                        let normal = (f64::from(*x) - mean) * scale;
                        (normal * f64::from(*weight) + f64::from(*bias)) as f32
                    })
                })
                .collect()
            }
            (Self::Gelu, _) => {
                each(|x| 0.5 * x * (1.0 + libm::erf(x * std::f64::consts::FRAC_1_SQRT_2)))
            }
            (Self::Sin, _) => each(libm::sin),
            (Self::Cos, _) => each(libm::cos),
            _ => Vec::new(),
        }
    }
}

impl Expansion for Fold {
    fn name(&self) -> StaticName {
        Fold::name(self).into()
    }

    /// Shapes are worked out when the graph is typed, where all weights are known.
    fn rules<'r, 'p: 'r, 's: 'r>(
        &'s self,
        _: &mut Solver<'r>,
        _: &'p [TensorProxy],
        _: &'p [TensorProxy],
    ) -> InferenceResult {
        Ok(())
    }

    fn wire(
        &self,
        prefix: &str,
        model: &mut TypedModel,
        inputs: &[OutletId],
    ) -> TractResult<TVec<OutletId>> {
        model.wire_node(prefix, self.clone(), inputs)
    }
}

impl Op for Fold {
    fn name(&self) -> StaticName {
        Fold::name(self).into()
    }

    op_as_typed_op!();
}

impl EvalOp for Fold {
    fn eval(&self, _: &EvalContext, inputs: TVec<TValue>) -> TractResult<TVec<TValue>> {
        let plain = inputs.iter().map(|tensor| tensor.try_as_plain_ram());
        let plain = plain.collect::<TractResult<Vec<_>>>()?;
        let arrays = inputs.iter().zip(&plain).map(|(tensor, plain)| {
            Ok(Array {
                shape: tensor.shape(),
                data: plain.as_slice::<f32>()?,
            })
        });
        let arrays = arrays.collect::<TractResult<Vec<_>>>()?;
        let shapes: Vec<&[usize]> = arrays.iter().map(|array| array.shape).collect();
        let shape = self
            .shape(&shapes)
            .map_err(|error| format_err!("{error}"))?;
        let result = Tensor::from_shape(&shape, &self.compute(&arrays))?;
        Ok(tvec![result.into_tvalue()])
    }

    op_out_of_plan!();
}

impl TypedOp for Fold {
    fn output_facts(&self, inputs: &[&TypedFact]) -> TractResult<TVec<TypedFact>> {
        let shapes = inputs.iter().map(|fact| {
            ensure!(
                fact.datum_type == f32::datum_type(),
                "{} of {:?}",
                self.name(),
                fact.datum_type
            );
            fact.shape.as_concrete().context("a shape is not fixed")
        });
        let shapes = shapes.collect::<TractResult<Vec<_>>>()?;
        let shape = self
            .shape(&shapes)
            .map_err(|error| format_err!("{error}"))?;
        Ok(tvec![f32::datum_type().fact(&shape)])
    }

    as_op!();
}

#[cfg(test)]
mod tests {
    use super::*;

    fn run(fold: &Fold, inputs: &[(&[usize], &[f32])]) -> Result<(Vec<usize>, Vec<f32>), String> {
        let shapes: Vec<_> = inputs.iter().map(|(shape, _)| *shape).collect();
        let shape = fold.shape(&shapes)?;
        let arrays = inputs.iter().map(|(shape, data)| Array { shape, data });
        Ok((shape, fold.compute(&arrays.collect::<Vec<_>>())))
    }

    #[test]
    fn matrices() {
        let (a, b) = (
            [1.0, 2.0, 3.0, 4.0, 5.0, 6.0],
            [1.0, 0.0, 0.5, 1.0, 2.0, -1.0],
        );
        let product = run(&Fold::MatMul, &[(&[2, 3], &a), (&[3, 2], &b)]);
        assert_eq!(product, Ok((vec![2, 2], vec![8.0, -1.0, 18.5, -1.0])));
        assert!(run(&Fold::MatMul, &[(&[2, 3], &a), (&[2, 3], &b)]).is_err());
        assert!(run(&Fold::MatMul, &[(&[6], &a), (&[3, 2], &b)]).is_err());
    }

    #[test]
    fn rows_are_normalised() {
        let norm = Fold::LayerNormalization { epsilon: 0.0 };
        let x = [1.0, 3.0, -4.0, 4.0];
        let inputs: [(&[usize], &[f32]); 3] =
            [(&[2, 2], &x), (&[2], &[2.0, 2.0]), (&[2], &[0.5, 0.0])];
        assert_eq!(
            run(&norm, &inputs),
            Ok((vec![2, 2], vec![-1.5, 2.0, -1.5, 2.0]))
        );
        assert!(run(&norm, &[inputs[0], (&[3], &[0.0; 3]), (&[3], &[0.0; 3])]).is_err());
        assert!(run(&norm, &inputs[..2]).is_err());
    }

    #[test]
    fn numbers_one_by_one() {
        // Φ(1) = 0.841344746..., of the normal distribution's tables; sin 1 and cos 1 likewise.
        let of = |fold: Fold| run(&fold, &[(&[1, 2], &[1.0, 0.0])]).unwrap().1;
        assert_eq!(of(Fold::Gelu), [0.841_344_8, 0.0]);
        assert_eq!(of(Fold::Sin), [0.841_470_96, 0.0]);
        assert_eq!(of(Fold::Cos), [0.540_302_3, 1.0]);
    }
}
