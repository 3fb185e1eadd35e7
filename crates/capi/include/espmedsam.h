/* espmedsam: the picture of an ultrasound or endoscopy device in, a mask out, on the device.
 * Research use only. Not for clinical use.
 *
 * Written by cbindgen from crates/capi. How to begin, who may free what, which threads may call: docs/embed.md. */

#ifndef ESPMEDSAM_H
#define ESPMEDSAM_H

#include <stddef.h>
#include <stdint.h>

/*
 How a call went. Numbers keep their meaning; a later version may add some. espmedsam_code_name gives the name, which is that
 of the HTTP API's problem where it has the same.
 */
typedef enum EspmedsamCode {
  /*
   As asked.
   */
  ESPMEDSAM_CODE_OK = 0,
  /*
   A missing pointer, a size that cannot be, a number that is none of its list.
   */
  ESPMEDSAM_CODE_BAD_ARGUMENT = 1,
  /*
   No file was given.
   */
  ESPMEDSAM_CODE_EMPTY_PICTURE = 2,
  /*
   The bytes are no picture.
   */
  ESPMEDSAM_CODE_NOT_A_PICTURE = 3,
  /*
   A picture of a kind that is not read.
   */
  ESPMEDSAM_CODE_UNSUPPORTED_PICTURE = 4,
  /*
   The picture is truncated or damaged.
   */
  ESPMEDSAM_CODE_DAMAGED_PICTURE = 5,
  /*
   The picture has too many pixels.
   */
  ESPMEDSAM_CODE_PICTURE_TOO_LARGE = 6,
  /*
   The picture has too few pixels.
   */
  ESPMEDSAM_CODE_PICTURE_TOO_SMALL = 7,
  /*
   Decoding the picture takes too long.
   */
  ESPMEDSAM_CODE_TOO_MUCH_WORK = 8,
  /*
   The file has no such page.
   */
  ESPMEDSAM_CODE_NO_SUCH_PAGE = 9,
  /*
   The region is no part of the picture.
   */
  ESPMEDSAM_CODE_BAD_REGION = 10,
  /*
   No such modality.
   */
  ESPMEDSAM_CODE_UNKNOWN_MODALITY = 11,
  /*
   No such model.
   */
  ESPMEDSAM_CODE_UNKNOWN_MODEL = 12,
  /*
   The modality was "auto", and these models have no guard to choose it.
   */
  ESPMEDSAM_CODE_NO_GUARD = 13,
  /*
   The picture does not look like its modality: there is no mask.
   */
  ESPMEDSAM_CODE_MODALITY_MISMATCH = 14,
  /*
   All places are taken: try again.
   */
  ESPMEDSAM_CODE_QUEUE_FULL = 15,
  /*
   There are as many live sources as may be.
   */
  ESPMEDSAM_CODE_TOO_MANY_SOURCES = 16,
  /*
   The models folder is missing, damaged or of another kind.
   */
  ESPMEDSAM_CODE_MODEL_UNUSABLE = 17,
  /*
   The models are still loading.
   */
  ESPMEDSAM_CODE_NOT_READY = 18,
  /*
   A thread of the library does not come back.
   */
  ESPMEDSAM_CODE_ENGINE_STUCK = 19,
  /*
   It took longer than it was given.
   */
  ESPMEDSAM_CODE_TIMED_OUT = 20,
  /*
   A live frame was too old when its turn came: no mask was made of it.
   */
  ESPMEDSAM_CODE_STALE = 21,
  /*
   There is no live answer that was not taken yet. Not an error.
   */
  ESPMEDSAM_CODE_NO_MASK = 22,
  /*
   A JPEG cannot hold the picture.
   */
  ESPMEDSAM_CODE_TOO_LONG_FOR_JPEG = 23,
  /*
   The library is ending.
   */
  ESPMEDSAM_CODE_STOPPED = 24,
  /*
   A fault of this library; it can be used on.
   */
  ESPMEDSAM_CODE_INTERNAL = 25,
} EspmedsamCode;

/*
 How a picture's samples lie.
 */
typedef enum EspmedsamFormat {
  /*
   8 bits of grey, a byte for each pixel.
   */
  ESPMEDSAM_FORMAT_GREY = 0,
  /*
   R G B, a byte each.
   */
  ESPMEDSAM_FORMAT_RGB = 1,
  /*
   4:2:0, a plane of Y, then one of U V interleaved at half the width and height, rounded up.
   */
  ESPMEDSAM_FORMAT_NV12 = 2,
  /*
   4:2:2, Y U Y V for each two pixels.
   */
  ESPMEDSAM_FORMAT_YUYV = 3,
} EspmedsamFormat;

/*
 How luma and chroma are made of red, green and blue, and which values they take (ITU-R BT.601, BT.709).
 */
typedef enum EspmedsamColour {
  /*
   BT.601, luma 16 to 235: most grabbers and webcams.
   */
  ESPMEDSAM_COLOUR_BT601_LIMITED = 0,
  /*
   BT.601, luma 0 to 255: JPEG.
   */
  ESPMEDSAM_COLOUR_BT601_FULL = 1,
  /*
   BT.709, luma 16 to 235: HDMI.
   */
  ESPMEDSAM_COLOUR_BT709_LIMITED = 2,
  /*
   BT.709, luma 0 to 255.
   */
  ESPMEDSAM_COLOUR_BT709_FULL = 3,
} EspmedsamColour;

/*
 What becomes of a picture that does not look like its modality.
 */
typedef enum EspmedsamOnMismatch {
  /*
   It gets no mask, but the code ESPMEDSAM_CODE_MODALITY_MISMATCH.
   */
  ESPMEDSAM_ON_MISMATCH_REFUSE = 0,
  /*
   It gets its mask, and the facts say so.
   */
  ESPMEDSAM_ON_MISMATCH_KEEP = 1,
} EspmedsamOnMismatch;

/*
 Whether anything is there at all, by the network's own word.
 */
typedef enum EspmedsamPresence {
  /*
   The model does not say.
   */
  ESPMEDSAM_PRESENCE_UNKNOWN = 0,
  /*
   Something is there.
   */
  ESPMEDSAM_PRESENCE_PRESENT = 1,
  /*
   Something may be there: the mask says where it would be.
   */
  ESPMEDSAM_PRESENCE_UNSURE = 2,
  /*
   Nothing is there: the mask is empty.
   */
  ESPMEDSAM_PRESENCE_ABSENT = 3,
} EspmedsamPresence;

/*
 Whether the picture looks like its modality.
 */
typedef enum EspmedsamCheck {
  /*
   Nobody looked: the models have no guard that knows it.
   */
  ESPMEDSAM_CHECK_UNCHECKED = 0,
  /*
   It does.
   */
  ESPMEDSAM_CHECK_MATCH = 1,
  /*
   It plainly does not. The mask is not to be shown as if it did.
   */
  ESPMEDSAM_CHECK_MISMATCH = 2,
} EspmedsamCheck;

/*
 A result in one of the forms that can be given out. Never changes.
 */
typedef struct EspmedsamDocument EspmedsamDocument;

/*
 A live source: frames in, the newest mask out. May be used by any threads at once.
 */
typedef struct EspmedsamLive EspmedsamLive;

/*
 A picture's mask and what is known of it. Never changes: may be read by any threads at once.
 */
typedef struct EspmedsamResult EspmedsamResult;

/*
 Opened models, with threads of their own that compute. May be used by any threads at once.
 */
typedef struct EspmedsamSegmenter EspmedsamSegmenter;

/*
 A rectangle of pixels; all 0 where none is meant.
 */
typedef struct EspmedsamRect {
  /*
   Its first column.
   */
  uint32_t x;
  /*
   Its first row.
   */
  uint32_t y;
  /*
   Columns.
   */
  uint32_t width;
  /*
   Rows.
   */
  uint32_t height;
} EspmedsamRect;

/*
 What is asked of a picture.
 */
typedef struct EspmedsamWish {
  /*
   sizeof(EspmedsamWish).
   */
  size_t struct_size;
  /*
   What kind of picture it is, "ultrasound" for example: never guessed, unless it is "auto". UTF-8.
   */
  const char *modality;
  /*
   A model's name; NULL: the one that the manifest prefers for the modality.
   */
  const char *model;
  /*
   An EspmedsamOnMismatch.
   */
  uint32_t on_mismatch;
  /*
   Most milliseconds that it may take, waiting included; 0: as long as it takes. Live sources do without.
   */
  uint32_t timeout_ms;
  /*
   The part of the picture to look at; all 0: all of it. The mask is of the whole picture all the same.
   */
  struct EspmedsamRect region;
  /*
   Millimetres of a pixel, from column to column and from row to row; both 0: not known.
   */
  double pixel_mm[2];
} EspmedsamWish;

/*
 A picture of 8-bit samples in the caller's memory. Read within the call, and no later.
 */
typedef struct EspmedsamPicture {
  /*
   sizeof(EspmedsamPicture).
   */
  size_t struct_size;
  /*
   An EspmedsamFormat.
   */
  uint32_t format;
  /*
   An EspmedsamColour; asked of NV12 and YUYV alone.
   */
  uint32_t colour;
  /*
   Columns.
   */
  uint32_t width;
  /*
   Rows.
   */
  uint32_t height;
  /*
   The first sample of the first row.
   */
  const uint8_t *data;
  /*
   Bytes that may be read from there on.
   */
  size_t data_size;
  /*
   Bytes from the start of a row to the start of the next; 0: rows follow each other without a gap.
   */
  size_t stride;
  /*
   Of NV12 the first U, where it does not come straight after the rows of Y; else NULL.
   */
  const uint8_t *chroma;
  /*
   Bytes that may be read from there on.
   */
  size_t chroma_size;
  /*
   As stride, of U V; 0: the same.
   */
  size_t chroma_stride;
} EspmedsamPicture;

/*
 What became of the newest live frame that had its turn.
 */
typedef struct EspmedsamSight {
  /*
   sizeof(EspmedsamSight), set by the caller.
   */
  size_t struct_size;
  /*
   The caller's number of the frame.
   */
  uint64_t sequence;
  /*
   Milliseconds since the frame was pushed.
   */
  double age_ms;
  /*
   Its mask, to be freed; NULL if there is none, and the code says why.
   */
  struct EspmedsamResult *result;
} EspmedsamSight;

/*
 What became of all frames of a live source; each is in one of the counts.
 */
typedef struct EspmedsamCounts {
  /*
   sizeof(EspmedsamCounts), set by the caller.
   */
  size_t struct_size;
  /*
   All that were pushed.
   */
  uint64_t pushed;
  /*
   Waiting or in work.
   */
  uint64_t under_way;
  /*
   A newer one came before their turn.
   */
  uint64_t replaced;
  /*
   They had a mask.
   */
  uint64_t computed;
  /*
   They had an error.
   */
  uint64_t failed;
} EspmedsamCounts;

/*
 How the library is laid out.
 */
typedef struct EspmedsamOptions {
  /*
   sizeof(EspmedsamOptions).
   */
  size_t struct_size;
  /*
   Computing threads of each worker; 0: one for each core.
   */
  uint32_t threads;
  /*
   Pictures computed at once; 0: one, which has all the threads.
   */
  uint32_t workers;
} EspmedsamOptions;

/*
 A mask in the result's memory: there until the result is freed.
 */
typedef struct EspmedsamMask {
  /*
   sizeof(EspmedsamMask), set by the caller.
   */
  size_t struct_size;
  /*
   A byte for each pixel of the upright picture, row by row: 0 or 255.
   */
  const uint8_t *pixels;
  /*
   Columns: the picture's.
   */
  uint32_t width;
  /*
   Rows: the picture's.
   */
  uint32_t height;
  /*
   Bytes from row to row.
   */
  size_t stride;
} EspmedsamMask;

/*
 What is known of a result. What is not is NAN.
 */
typedef struct EspmedsamFacts {
  /*
   sizeof(EspmedsamFacts), set by the caller.
   */
  size_t struct_size;
  /*
   Pixels of the mask. 0, "nothing found", is a result.
   */
  uint64_t area_px;
  /*
   Share of the picture, 0 to 1.
   */
  double area_fraction;
  /*
   Pieces of the mask, connected through the sides of pixels.
   */
  uint64_t regions;
  /*
   The Dice to be expected of the mask, 0 to 1; NAN if there is none, or nothing is known.
   */
  double confidence;
  /*
   The network's score of anything being there, 0 to 1; NAN if the model does not say.
   */
  double presence_score;
  /*
   An EspmedsamPresence.
   */
  uint32_t presence;
  /*
   An EspmedsamCheck.
   */
  uint32_t check;
  /*
   Milliseconds from the call to the mask.
   */
  double total_ms;
} EspmedsamFacts;

#ifdef __cplusplus
extern "C" {
#endif // __cplusplus

/*
 A live source beside the segmenter's other work. A frame that is older than stale_after_ms when its turn comes has no mask,
 but the code ESPMEDSAM_CODE_STALE; 0: none is too old. The wish has no region: that is cut out by data and stride. To be closed
 by espmedsam_live_close; the segmenter may be closed before.
 */
enum EspmedsamCode espmedsam_live_open(const struct EspmedsamSegmenter *segmenter,
                                       const struct EspmedsamWish *wish,
                                       uint32_t stale_after_ms,
                                       struct EspmedsamLive **live);

/*
 Copies a frame in and returns at once: it takes the place of the one that waits, if one does. sequence: the caller's own
 number of it, by which its mask is told from others.
 */
enum EspmedsamCode espmedsam_live_push(const struct EspmedsamLive *live,
                                       const struct EspmedsamPicture *picture,
                                       uint64_t sequence);

/*
 The newest answer that was not taken yet, waiting for it for wait_ms at most. ESPMEDSAM_CODE_OK: sight->result is its mask, to
 be freed. ESPMEDSAM_CODE_NO_MASK: there is none yet. Any other code: why the frame sight->sequence has none.
 */
enum EspmedsamCode espmedsam_live_poll(const struct EspmedsamLive *live,
                                       uint32_t wait_ms,
                                       struct EspmedsamSight *sight);

/*
 What became of all frames so far.
 */
enum EspmedsamCode espmedsam_live_counts(const struct EspmedsamLive *live, struct EspmedsamCounts *counts);

/*
 Ends a live source, which no other thread uses any more: the frame that waits is dropped. NULL: nothing.
 */
void espmedsam_live_close(struct EspmedsamLive *live);

/*
 The library's version, "0.1.0" for example.
 */
const char *espmedsam_version(void);

/*
 "Research use only. Not for clinical use." To be shown wherever a mask is.
 */
const char *espmedsam_notice(void);

/*
 What went wrong in this thread's last call, for people; "" if nothing did. There until the thread's next call.
 */
const char *espmedsam_last_error(void);

/*
 The name of a code, "unknown-modality" for example: that of the HTTP API's problem. NULL if it is no code.
 */
const char *espmedsam_code_name(int32_t code);

/*
 Opens a models folder (a path in UTF-8). NULL: the first of ./models, what came in a package, and
 ../share/espmedsam/models beside the executable. options: NULL for the defaults.

 Returns once a picture has gone through: some 100 ms. The segmenter is to be closed by espmedsam_close.
 */
enum EspmedsamCode espmedsam_open(const char *models,
                                  const struct EspmedsamOptions *options,
                                  struct EspmedsamSegmenter **segmenter);

/*
 Ends a segmenter, which no other thread uses any more; its results stay. Waits for what is computed, but not long. NULL: nothing.
 */
void espmedsam_close(struct EspmedsamSegmenter *segmenter);

/*
 How many modalities there are.
 */
size_t espmedsam_modality_count(const struct EspmedsamSegmenter *segmenter);

/*
 The name of one, "ultrasound" for example; there as long as the segmenter. NULL if there are not so many.
 */
const char *espmedsam_modality_name(const struct EspmedsamSegmenter *segmenter, size_t index);

/*
 What its masks mark, in English words; there as long as the segmenter. NULL if there are not so many.
 */
const char *espmedsam_modality_label(const struct EspmedsamSegmenter *segmenter, size_t index);

/*
 The mask, at the upright picture's size, in the result's memory: no copy is made.
 */
enum EspmedsamCode espmedsam_result_mask(const struct EspmedsamResult *result, struct EspmedsamMask *mask);

/*
 Area, confidence, presence, whether the picture looks like its modality.
 */
enum EspmedsamCode espmedsam_result_facts(const struct EspmedsamResult *result, struct EspmedsamFacts *facts);

/*
 The modality's name, as asked or, of "auto", as chosen; there as long as the result.
 */
const char *espmedsam_result_modality(const struct EspmedsamResult *result);

/*
 What the mask marks, in English words; there as long as the result.
 */
const char *espmedsam_result_label(const struct EspmedsamResult *result);

/*
 The result in a form by its name: "json" (everything, sizes among it), "rle", "polygons", "coco", "labelme", "geojson", "svg",
 or "png", "overlay", "overlay-jpeg", "patch". The document is to be freed by espmedsam_document_free; the result stays.
 */
enum EspmedsamCode espmedsam_result_render(const struct EspmedsamResult *result,
                                           const char *form,
                                           struct EspmedsamDocument **document);

/*
 A document's bytes, and a NUL after the last; there until it is freed.
 */
const char *espmedsam_document_data(const struct EspmedsamDocument *document);

/*
 How many bytes those are, the NUL not among them.
 */
size_t espmedsam_document_size(const struct EspmedsamDocument *document);

/*
 Ends a document. NULL: nothing.
 */
void espmedsam_document_free(struct EspmedsamDocument *document);

/*
 Ends a result, and the memory of its mask. NULL: nothing.
 */
void espmedsam_result_free(struct EspmedsamResult *result);

/*
 A picture's mask. The calling thread waits; the result is to be freed by espmedsam_result_free.
 */
enum EspmedsamCode espmedsam_segment(const struct EspmedsamSegmenter *segmenter,
                                     const struct EspmedsamPicture *picture,
                                     const struct EspmedsamWish *wish,
                                     struct EspmedsamResult **result);

/*
 The mask of a picture file (PNG, JPEG, BMP, TIFF, WebP) as it lies on disk: its first page, upright.
 */
enum EspmedsamCode espmedsam_segment_file(const struct EspmedsamSegmenter *segmenter,
                                          const uint8_t *file,
                                          size_t size,
                                          const struct EspmedsamWish *wish,
                                          struct EspmedsamResult **result);

#ifdef __cplusplus
}  // extern "C"
#endif  // __cplusplus

#endif  /* ESPMEDSAM_H */
