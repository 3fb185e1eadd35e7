#!/bin/sh
# A first corpus, mostly of the repository's own files: fuzz/seed.sh TARGET FOLDER. What comes before a file is explained in
# fuzz/src.
set -eu
cd "$(dirname "$0")/.."
mkdir -p "$2"

# FILE with BYTE (octal) before it.
after() { { printf "\\$2"; cat "$1"; } >"$3"; }

case $1 in
png|jpeg|tiff|bmp|webp)
  case $1 in jpeg) ending=jpg;; tiff) ending=tif;; *) ending=$1;; esac
  for file in tests/frames/*."$ending" fuzz/seeds/*."$ending"; do
    [ -e "$file" ] || continue
    after "$file" 200 "$2/$(basename "$file")"
  done;;
dicom)
  # With where to cut before it. Real files are too long for a fuzzer; these are in every coding.
  for file in crates/dicom/tests/reference/made/*.dcm; do
    after "$file" 200 "$2/$(basename "$file")"
  done;;
dimse)
  # To one called F: an association for ultrasound, an object of four bytes, and the end of it.
  { printf '\001\000\000\000\000\247\000\001\000\000F               FUZZ            '
    head -c 32 /dev/zero
    printf '\020\000\000\0251.2.840.10008.3.1.1.1'
    printf '\040\000\000\072\003\000\000\000\060\000\000\0331.2.840.10008.5.1.4.1.1.6.1\100\000\000\0231.2.840.10008.1.2.1'
    printf '\120\000\000\010\121\000\000\004\000\000\100\000'
    printf '\004\000\000\000\000\140\000\000\000\122\003\003'
    printf '\000\000\002\000\034\000\000\0001.2.840.10008.5.1.4.1.1.6.1\000'
    printf '\000\000\000\001\002\000\000\000\001\000\000\000\020\001\002\000\000\000\011\000'
    printf '\000\000\000\010\002\000\000\000\000\000\000\000\000\020\006\000\000\0001.2.3\000'
    printf '\000\000\000\006\003\002data'
    printf '\005\000\000\000\000\004\000\000\000\000'; } >"$2/store"
  # A node that lets one in, answers that an object of C-STORE is stored, and lets it go.
  { printf '\002\000\000\000\000\210\000\001\000\000F               F               '
    head -c 32 /dev/zero
    printf '\020\000\000\0251.2.840.10008.3.1.1.1'
    printf '\041\000\000\033\001\000\000\000\100\000\000\0231.2.840.10008.1.2.1'
    printf '\120\000\000\010\121\000\000\004\000\000\100\000'
    printf '\004\000\000\000\000\056\000\000\000\052\001\003'
    printf '\000\000\000\001\002\000\000\000\001\200\000\000\040\001\002\000\000\000\001\000'
    printf '\000\000\000\010\002\000\000\000\001\001\000\000\000\011\002\000\000\000\000\000'
    printf '\006\000\000\000\000\004\000\000\000\000'; } >"$2/stored";;
openigtlink)
  # What pyigtl packs of a picture of 3 x 2, by both versions of headers.
  { printf '\020'
    printf '\000\001\111\115\101\107\105\000\000\000\000\000\000\000\111\155\141\147\145\137\122\145\146\145\162\145\156\143\145\000\000'
    printf '\000\000\000\000\000\003\350\200\000\000\000\000\000\000\000\000\000\000\116\023\300\170\177\176\112\265\076\000\001\001\003'
    printf '\002\001\000\003\000\002\000\001\077\000\000\000\000\000\000\000\000\000\000\000\000\000\000\000\076\200\000\000\000\000\000'
    printf '\000\000\000\000\000\000\000\000\000\077\200\000\000\101\050\000\000\101\241\000\000\101\360\000\000\000\000\000\000\000\000'
    printf '\000\003\000\002\000\001\000\001\002\003\004\005'
  } >"$2/one"
  { printf '\377'
    printf '\000\002\111\115\101\107\105\000\000\000\000\000\000\000\111\155\141\147\145\137\122\145\146\145\162\145\156\143\145\000\000'
    printf '\000\000\000\000\000\003\350\200\000\000\000\000\000\000\000\000\000\000\161\107\127\123\025\217\216\277\213\000\014\000\012'
    printf '\000\000\000\015\000\000\000\007\000\001\001\003\002\001\000\003\000\002\000\001\077\000\000\000\000\000\000\000\000\000\000'
    printf '\000\000\000\000\000\076\200\000\000\000\000\000\000\000\000\000\000\000\000\000\000\077\200\000\000\101\050\000\000\101\241'
    printf '\000\000\101\360\000\000\000\000\000\000\000\000\000\003\000\002\000\001\000\001\002\003\004\005\000\001\000\013\000\003\000'
    printf '\000\000\002\106\162\141\155\145\116\165\155\142\145\162\064\062'
  } >"$2/two"
  { cat "$2/one"; tail -c +2 "$2/two"; } >"$2/both";;
rle)
  printf '\003\003448' >"$2/three-runs"
  printf '\003\003`0' >"$2/empty"
  printf '\377\003`0`00`00000`o2`0' >"$2/long";;
y4m)
  { printf 'YUV4MPEG2 W4 H2 F25:1 Ip A1:1 C420jpeg XCOLORRANGE=FULL\nFRAME\n'; printf '123456789012'; printf 'FRAME Ip\n'; printf '123456789012'; } >"$2/two"
  printf 'YUV4MPEG2 W2 H2 Cmono\nFRAME\n1234' >"$2/mono";;
y4m_stream)
  printf '\010YUV4MPEG2 W4 H2\nFRAME\n123456789012FRAME Ip\n123456789012YUV4MPEG2 W2 H2 Cmono\nFRAME\n1234' >"$2/two"
  printf '\014YUV4MPEG2 W4 H2\nFRAME\n123456789012' >"$2/slow"
  printf '\000YUV4MPEG2 W4 H2\nYUV4MPEG2 W2 H2\nFRAME\n123456' >"$2/anew";;
mjpeg)
  for file in tests/frames/*.jpg; do
    { printf '\377'; cat "$file"; printf 'between'; cat "$file"; } >"$2/$(basename "$file")"
  done;;
avi)
  # A stream's header, its format, and two pictures: all that is needed.
  zeros='\000\000\000\000\000\000\000\000\000\000\000\000\000\000\000\000'
  { printf '\200RIFF\000\000\000\000AVI strh\034\000\000\000vids'"$zeros"'\001\000\000\000\031\000\000\000'
    printf 'strf\024\000\000\000'"$zeros"'MJPGLIST\000\000\000\000movi00dc\003\000\000\000abc\00000dc\004\000\000\000defg'; } >"$2/two"
  # What goes on in a second RIFF.
  { cat "$2/two"; printf 'RIFF\000\000\000\000AVIXLIST\000\000\000\000movi00dc\002\000\000\000hi'; } >"$2/long";;
package)
  # Empty files and a short one, as they would be packed; the list before them is signed by the target itself.
  empty=e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855 # of nothing
  short=ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad # of 'abc'
  work=$(mktemp -d)
  trap 'rm -rf "$work"' EXIT
  printf abc >"$work/manifest.toml"
  printf abc >"$work/a.deb"
  : >"$work/a.png"
  about() { printf '\001format = 1\nnotice = "n"\nkind = "%s"\nline = "scope"\nserial = 1\nversion = "1"\ncreated = "d"\nmin_program = "0.1.0"\n' "$1"; }
  file() { printf '[[file]]\npath = "%s"\nbytes = %s\nsha256 = "%s"\n' "$@"; }
  packed() {
    printf '\000'
    tar --create --directory="$work" --format=ustar --blocking-factor=1 --mtime=@0 --owner=0 --group=0 --numeric-owner --mode=644 "$@"
  }
  { about models; printf '[[self_test]]\npicture = "a.png"\nmodality = "m"\nmask_sha256 = "%s"\n' $empty
    file a.png 0 $empty; file manifest.toml 3 $short; packed a.png manifest.toml; } >"$2/models"
  { about program | sed '$a architecture = "arm64"'; file a.deb 3 $short; packed a.deb; } >"$2/program";;
query)
  printf 'modality=ultrasound&model=live-224&on_mismatch=keep&format=png&patch=true\napplication/json, */*;q=0.1' >"$2/words"
  printf 'modality=auto&pixel_mm=0.1,%%200.25&page=2\nimage/png;q=0.5, image/*' >"$2/numbers";;
form)
  printf '\003multipart/form-data; boundary=b\n--b\r\nContent-Disposition: form-data; name="page"\r\n\r\n2\r\n--b\r\nContent-Disposition: form-data; name="image"; filename="a.png"\r\nContent-Type: image/png\r\n\r\npicture\r\n--b--\r\n' >"$2/form"
  printf '\000image/png\npicture' >"$2/raw";;
infer)
  # All in JSON; raw pixels behind it; a file behind it.
  printf '\377\377{"inputs":[{"name":"image","shape":[2,2],"datatype":"UINT8","data":[1,2,3,4]}],"outputs":[{"name":"mask"}]}' >"$2/json"
  printf '\377\377{"id":"a","inputs":[{"name":"file","shape":[1],"datatype":"BYTES","data":["iVBORw0KGgo="]}]}' >"$2/text"
  json='{"inputs":[{"name":"image","shape":[2,2,3],"datatype":"UINT8","parameters":{"binary_data_size":12}}]}'
  { printf "\\$(printf %o ${#json})\\000"; printf '%s123456789012' "$json"; } >"$2/pixels"
  json='{"parameters":{"page":1,"on_mismatch":"keep"},"inputs":[{"name":"file","shape":[1],"datatype":"BYTES","parameters":{"binary_data_size":11}}]}'
  { printf "\\$(printf %o ${#json})\\000"; printf '%s\007\000\000\000picture' "$json"; } >"$2/file";;
grpc)
  # ModelInfer of four grey pixels, raw and typed; of a file; what is asked of a model.
  pixels='\012\005image\022\005UINT8\032\002\002\002'
  printf "\\000\\012\\012ultrasound\\052\\022$pixels\\072\\004\\001\\002\\003\\004" >"$2/raw"
  printf "\\000\\012\\012ultrasound\\052\\032$pixels\\052\\006\\042\\004\\001\\002\\003\\004\\062\\006\\012\\004mask" >"$2/typed"
  printf '\000\012\012ultrasound\052\020\012\004file\022\005BYTES\032\001\001\072\013\007\000\000\000picture' >"$2/file"
  printf '\002\012\012ultrasound\022\0011' >"$2/model";;
manifest)
  cp models/manifest.toml "$2"
  cargo run --quiet --release -p espmedsam-testing --example toy out/toy
  cp out/toy/manifest.toml "$2/toy.toml";;
graph)
  cargo run --quiet --release -p espmedsam-testing --example toy out/toy
  after out/toy/encoder.onnx 0 "$2/encoder"
  after out/toy/self_prompt.onnx 1 "$2/self_prompt"
  after out/toy/decoder.onnx 2 "$2/decoder"
  after out/toy/guard.onnx 3 "$2/guard"
  after "$(ls models/guard/guard-*.onnx)" 4 "$2/guard-shipped"
  # In nodes of our own, with its weights inside.
  .venv/light/bin/python -c 'import onnx, sys; onnx.save(onnx.load(sys.argv[1]), sys.argv[2])' \
    "$(ls models/release/self_prompt-224-*.onnx)" out/toy/shipped.onnx
  after out/toy/shipped.onnx 5 "$2/self_prompt-shipped";;
esac
