//! The mask as other programs' annotations: COCO, LabelMe, GeoJSON. Corners are those of pixels: pixel (x, y) is the square
//! from (x, y) to (x + 1, y + 1).

use serde::{Serialize, Serializer};

use super::essentials::Essential;
use super::record::Report;
use super::shape::CocoRle;
use crate::NOTICE;
use crate::mask::polygons::{Polygon, Ring};
use crate::mask::rle::Rle;

/// No picture's name travels with it: who knows it puts it here.
const PICTURE: &str = "picture.png";

/// What goes along with every result, as an object.
struct EssentialRows(Vec<Essential>);

impl Serialize for EssentialRows {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_map(self.0.iter().map(|one| (one.name, &one.value)))
    }
}

/// COCO's object detection format (cocodataset.org, "Data format"), of one picture.
#[derive(Serialize)]
struct CocoDocument<'a> {
    info: CocoInfo,
    licenses: [(); 0],
    images: [CocoImage; 1],
    annotations: Vec<CocoAnnotation<'a>>,
    categories: [CocoCategory<'a>; 1],
}

#[derive(Serialize)]
struct CocoInfo {
    description: &'static str,
    espmedsam: EssentialRows,
}

#[derive(Serialize)]
struct CocoImage {
    id: u32,
    width: u32,
    height: u32,
    file_name: &'static str,
}

#[derive(Serialize)]
struct CocoAnnotation<'a> {
    id: usize,
    image_id: u32,
    category_id: usize,
    segmentation: CocoSegmentation<'a>,
    area: u64,
    bbox: [u32; 4],
    iscrowd: u8,
}

/// COCO's polygons know no holes: a region with holes is run-length coded.
#[derive(Serialize)]
#[serde(untagged)]
enum CocoSegmentation<'a> {
    Polygon([&'a [u32]; 1]),
    Rle(CocoRle),
}

#[derive(Serialize)]
struct CocoCategory<'a> {
    id: usize,
    name: &'a str,
    supercategory: &'a str,
}

pub(super) fn coco(report: &Report, regions: &[Polygon]) -> serde_json::Result<Vec<u8>> {
    let [width, height] = [report.image.width, report.image.height];
    let category = report.modality.index + 1;
    let mut annotations = Vec::with_capacity(regions.len());
    for (i, region) in regions.iter().enumerate() {
        annotations.push(CocoAnnotation {
            id: i + 1,
            image_id: 1,
            category_id: category,
            segmentation: match region.holes.as_slice() {
                [] => CocoSegmentation::Polygon([region.outer.as_flattened()]),
                _ => CocoSegmentation::Rle(Rle::of(region, [width, height]).into()),
            },
            area: region.area(),
            bbox: region.bounding_box(),
            iscrowd: 0,
        });
    }
    serde_json::to_vec(&CocoDocument {
        info: CocoInfo {
            description: NOTICE,
            espmedsam: EssentialRows(report.essentials()),
        },
        licenses: [],
        images: [CocoImage {
            id: 1,
            width,
            height,
            file_name: PICTURE,
        }],
        annotations,
        categories: [CocoCategory {
            id: category,
            name: &report.modality.label,
            supercategory: &report.modality.name,
        }],
    })
}

/// LabelMe's file of one picture (github.com/wkentaro/labelme); what it does not know, it keeps.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct LabelmeDocument<'a> {
    version: &'static str,
    flags: LabelmeFlags,
    shapes: Vec<LabelmeShape<'a>>,
    image_path: &'static str,
    image_data: Option<&'static str>,
    image_height: u32,
    image_width: u32,
    notice: &'static str,
    espmedsam: EssentialRows,
}

#[derive(Serialize)]
struct LabelmeFlags {}

#[derive(Serialize)]
struct LabelmeShape<'a> {
    label: &'a str,
    points: Ring,
    group_id: Option<u32>,
    description: &'static str,
    shape_type: &'static str,
    flags: LabelmeFlags,
}

pub(super) fn labelme(report: &Report, regions: &[Polygon]) -> serde_json::Result<Vec<u8>> {
    let shape = |region| LabelmeShape {
        label: &report.modality.label,
        points: keyholed(region),
        group_id: None,
        description: NOTICE,
        shape_type: "polygon",
        flags: LabelmeFlags {},
    };
    serde_json::to_vec(&LabelmeDocument {
        version: "5.5.0",
        flags: LabelmeFlags {},
        shapes: regions.iter().map(shape).collect(),
        image_path: PICTURE,
        image_data: None,
        image_height: report.image.height,
        image_width: report.image.width,
        notice: NOTICE,
        espmedsam: EssentialRows(report.essentials()),
    })
}

/// A region as one ring, as LabelMe's polygons know no holes: to each hole and back the same way, which encloses nothing.
fn keyholed(region: &Polygon) -> Ring {
    let mut ring = region.outer.clone();
    let Some(start) = region.outer.first().copied() else {
        return ring;
    };
    for hole in &region.holes {
        if let Some(first) = hole.first() {
            let bend = [first[0], start[1]];
            ring.extend([start, bend]);
            ring.extend(hole);
            ring.extend([*first, bend]);
        }
    }
    ring
}

/// GeoJSON (RFC 7946) in the picture's pixels, y down, in place of degrees, as QuPath reads it.
#[derive(Serialize)]
struct GeoDocument<'a> {
    #[serde(rename = "type")]
    kind: &'static str,
    features: Vec<GeoFeature<'a>>,
    notice: &'static str,
    espmedsam: EssentialRows,
}

#[derive(Serialize)]
struct GeoFeature<'a> {
    #[serde(rename = "type")]
    kind: &'static str,
    geometry: GeoPolygon<'a>,
    properties: GeoProperties<'a>,
}

#[derive(Serialize)]
struct GeoPolygon<'a> {
    #[serde(rename = "type")]
    kind: &'static str,
    coordinates: Vec<GeoRing<'a>>,
}

/// Closed by its first corner, and turned round: outer rings go from x to y (section 3.1.6).
struct GeoRing<'a>(&'a Ring);

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct GeoProperties<'a> {
    object_type: &'static str,
    classification: GeoClass<'a>,
    area_px: u64,
}

#[derive(Serialize)]
struct GeoClass<'a> {
    name: &'a str,
}

impl Serialize for GeoRing<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_seq(self.0.iter().rev().chain(self.0.last()))
    }
}

pub(super) fn geojson(report: &Report, regions: &[Polygon]) -> serde_json::Result<Vec<u8>> {
    let mut features = Vec::with_capacity(regions.len());
    for region in regions {
        features.push(GeoFeature {
            kind: "Feature",
            geometry: GeoPolygon {
                kind: "Polygon",
                coordinates: [&region.outer]
                    .into_iter()
                    .chain(&region.holes)
                    .map(GeoRing)
                    .collect(),
            },
            properties: GeoProperties {
                object_type: "annotation",
                classification: GeoClass {
                    name: &report.modality.label,
                },
                area_px: region.area(),
            },
        });
    }
    serde_json::to_vec(&GeoDocument {
        kind: "FeatureCollection",
        features,
        notice: NOTICE,
        espmedsam: EssentialRows(report.essentials()),
    })
}
