/* What the header promises, asked of the library: sizes of records, arguments that lie, threads, memory.
 * border MODELS: the toy model of crates/testing, with its guard. Research use only. Not for clinical use. */
#include <espmedsam.h>
#include <math.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define SIDE 64
#define REQUIRE(what) \
    do { \
        if (!(what)) { \
            fprintf(stderr, "line %d: %s (last error: %s)\n", __LINE__, #what, espmedsam_last_error()); \
            exit(1); \
        } \
    } while (0)
#define OK(call) REQUIRE((call) == ESPMEDSAM_CODE_OK)
#define FAILS(code, call) REQUIRE((call) == ESPMEDSAM_CODE_##code && espmedsam_last_error()[0] != 0)

#if UINTPTR_MAX == UINT64_MAX
_Static_assert(sizeof(EspmedsamOptions) == 16, "options");
_Static_assert(sizeof(EspmedsamWish) == 64, "wish");
_Static_assert(offsetof(EspmedsamWish, region) == 32 && offsetof(EspmedsamWish, pixel_mm) == 48, "wish");
_Static_assert(sizeof(EspmedsamPicture) == 72, "picture");
_Static_assert(offsetof(EspmedsamPicture, data) == 24 && offsetof(EspmedsamPicture, chroma) == 48, "picture");
_Static_assert(sizeof(EspmedsamMask) == 32 && offsetof(EspmedsamMask, stride) == 24, "mask");
_Static_assert(sizeof(EspmedsamFacts) == 64 && offsetof(EspmedsamFacts, presence) == 48, "facts");
_Static_assert(sizeof(EspmedsamSight) == 32 && offsetof(EspmedsamSight, result) == 24, "sight");
_Static_assert(sizeof(EspmedsamCounts) == 48, "counts");
#endif
_Static_assert(ESPMEDSAM_CODE_INTERNAL == 25, "numbers keep their meaning");

static EspmedsamSegmenter *segmenter;
static uint8_t bright[3 * SIDE * SIDE]; /* as grey and as RGB; in bands, as what is flat is no picture */

static EspmedsamWish wish_of(const char *modality) {
    EspmedsamWish wish = {.struct_size = sizeof wish, .modality = modality};
    return wish;
}

static EspmedsamPicture grey(const uint8_t *data) {
    EspmedsamPicture picture = {.struct_size = sizeof picture, .format = ESPMEDSAM_FORMAT_GREY, .width = SIDE,
                                .height = SIDE, .data = data, .data_size = SIDE * SIDE};
    return picture;
}

static uint64_t area(const EspmedsamPicture *picture, EspmedsamWish wish) {
    EspmedsamResult *result;
    EspmedsamFacts facts = {.struct_size = sizeof facts};
    OK(espmedsam_segment(segmenter, picture, &wish, &result));
    OK(espmedsam_result_facts(result, &facts));
    espmedsam_result_free(result);
    return facts.area_px;
}

static void names(void) {
    REQUIRE(strcmp(espmedsam_notice(), "Research use only. Not for clinical use.") == 0);
    REQUIRE(espmedsam_version()[0] != 0 && espmedsam_code_name(-1) == NULL && espmedsam_code_name(26) == NULL);
    for (int a = 0; a <= ESPMEDSAM_CODE_INTERNAL; a++)
        for (int b = 0; b < a; b++) REQUIRE(strcmp(espmedsam_code_name(a), espmedsam_code_name(b)) != 0);
    REQUIRE(strcmp(espmedsam_code_name(ESPMEDSAM_CODE_UNKNOWN_MODALITY), "unknown-modality") == 0);
    REQUIRE(espmedsam_modality_count(segmenter) == 3 && espmedsam_modality_count(NULL) == 0);
    REQUIRE(strcmp(espmedsam_modality_name(segmenter, 0), "bright") == 0);
    REQUIRE(strcmp(espmedsam_modality_label(segmenter, 2), "dark") == 0);
    REQUIRE(espmedsam_modality_name(segmenter, 3) == NULL);
}

static void formats(void) {
    EspmedsamWish wish = wish_of("bright");
    EspmedsamPicture picture = grey(bright);
    REQUIRE(area(&picture, wish) == SIDE * SIDE);
    picture.format = ESPMEDSAM_FORMAT_RGB, picture.data_size = sizeof bright;
    REQUIRE(area(&picture, wish) == SIDE * SIDE);
    /* Rows apart: 40 columns of 64. */
    picture = grey(bright), picture.width = 40, picture.stride = SIDE, picture.data_size = 63 * SIDE + 40;
    REQUIRE(area(&picture, wish) == 40 * SIDE);
    /* Luma bright, chroma neutral; in one piece, and with a plane of its own. */
    static uint8_t yuv[SIDE * SIDE * 2];
    memcpy(yuv, bright, SIDE * SIDE), memset(yuv + SIDE * SIDE, 128, SIDE * SIDE);
    picture = grey(yuv), picture.format = ESPMEDSAM_FORMAT_NV12, picture.data_size = SIDE * SIDE * 3 / 2;
    REQUIRE(area(&picture, wish) == SIDE * SIDE);
    picture.data_size = SIDE * SIDE, picture.chroma = yuv + SIDE * SIDE, picture.chroma_size = SIDE * SIDE / 2;
    picture.colour = ESPMEDSAM_COLOUR_BT709_FULL;
    REQUIRE(area(&picture, wish) == SIDE * SIDE);
    for (size_t i = 0; i < sizeof yuv; i++) yuv[i] = i % 2 ? 128 : bright[i / 2];
    picture = grey(yuv), picture.format = ESPMEDSAM_FORMAT_YUYV, picture.data_size = sizeof yuv;
    REQUIRE(area(&picture, wish) == SIDE * SIDE);
    /* Half of it looked at. */
    picture = grey(bright), wish.region.width = SIDE / 2, wish.region.height = SIDE;
    REQUIRE(area(&picture, wish) == SIDE * SIDE / 2);
}

static void lies(const char *models) {
    EspmedsamWish wish = wish_of("bright");
    EspmedsamPicture picture = grey(bright);
    EspmedsamResult *result = (EspmedsamResult *)&wish;
    EspmedsamSegmenter *none;
#define REFUSED(code) FAILS(code, espmedsam_segment(segmenter, &picture, &wish, &result)); REQUIRE(result == NULL)
    FAILS(BAD_ARGUMENT, espmedsam_segment(NULL, &picture, &wish, &result));
    REQUIRE(result == NULL);
    FAILS(BAD_ARGUMENT, espmedsam_segment(segmenter, NULL, &wish, &result));
    FAILS(BAD_ARGUMENT, espmedsam_segment(segmenter, &picture, NULL, &result));
    FAILS(BAD_ARGUMENT, espmedsam_segment(segmenter, &picture, &wish, NULL));
    FAILS(BAD_ARGUMENT, espmedsam_open(models, NULL, NULL));
    FAILS(MODEL_UNUSABLE, espmedsam_open("/nowhere", NULL, &none));
    FAILS(BAD_ARGUMENT, espmedsam_open("\xff", NULL, &none));
    wish.modality = NULL; REFUSED(BAD_ARGUMENT);
    wish.modality = "\xff"; REFUSED(BAD_ARGUMENT);
    wish = wish_of("sharp"); REFUSED(UNKNOWN_MODALITY);
    wish = wish_of("bright"), wish.model = "none"; REFUSED(UNKNOWN_MODEL);
    wish = wish_of("bright"), wish.on_mismatch = 9; REFUSED(BAD_ARGUMENT);
    wish = wish_of("bright"), wish.pixel_mm[0] = NAN; REFUSED(BAD_ARGUMENT);
    wish = wish_of("bright"), wish.region.width = SIDE + 1, wish.region.height = 1; REFUSED(BAD_REGION);
    wish = wish_of("bright"), wish.region.x = UINT32_MAX; REFUSED(BAD_REGION);
    wish = wish_of("dark"); REFUSED(MODALITY_MISMATCH);
    wish.on_mismatch = ESPMEDSAM_ON_MISMATCH_KEEP;
    REQUIRE(area(&picture, wish) == 0);
    wish = wish_of("bright");
    for (uint32_t format = 0; format < 4; format++) {
        picture = grey(bright), picture.format = format, picture.data_size = 0; REFUSED(BAD_ARGUMENT);
        picture.data_size = SIDE * SIDE - 1; REFUSED(BAD_ARGUMENT);
        picture.stride = SIZE_MAX, picture.data_size = SIDE * SIDE; REFUSED(BAD_ARGUMENT);
        picture.stride = 1; REFUSED(BAD_ARGUMENT);
        picture = grey(bright), picture.format = format, picture.width = picture.height = UINT32_MAX; REFUSED(PICTURE_TOO_LARGE);
        picture.width = 0, picture.height = SIDE; REFUSED(PICTURE_TOO_SMALL);
    }
    picture = grey(bright), picture.format = 4; REFUSED(BAD_ARGUMENT);
    picture = grey(bright), picture.format = ESPMEDSAM_FORMAT_NV12, picture.colour = 4; REFUSED(BAD_ARGUMENT);
    picture = grey(bright), picture.chroma = bright; REFUSED(BAD_ARGUMENT);
    picture = grey(NULL); REFUSED(BAD_ARGUMENT);
    picture = grey(bright), picture.data_size = SIZE_MAX; REFUSED(BAD_ARGUMENT);
    FAILS(NOT_A_PICTURE, espmedsam_segment_file(segmenter, bright, 99, &wish, &result));
    FAILS(EMPTY_PICTURE, espmedsam_segment_file(segmenter, bright, 0, &wish, &result));
    FAILS(BAD_ARGUMENT, espmedsam_segment_file(segmenter, NULL, 9, &wish, &result));
    espmedsam_close(NULL), espmedsam_result_free(NULL), espmedsam_document_free(NULL), espmedsam_live_close(NULL);
    picture = grey(bright);
    OK(espmedsam_segment(segmenter, &picture, &wish, &result));
    REQUIRE(espmedsam_last_error()[0] == 0);
    espmedsam_result_free(result);
}

/* A record of a later version, whose new fields are not set, or are; and one whose size was forgotten. */
static void versions(void) {
    struct { EspmedsamWish wish; uint64_t later; } newer = {.wish = wish_of("bright")};
    EspmedsamPicture picture = grey(bright);
    EspmedsamResult *result;
    newer.wish.struct_size = sizeof newer;
    OK(espmedsam_segment(segmenter, &picture, &newer.wish, &result));
    struct { EspmedsamFacts facts; uint64_t later; } facts;
    memset(&facts, 7, sizeof facts), facts.facts.struct_size = sizeof facts;
    OK(espmedsam_result_facts(result, &facts.facts));
    REQUIRE(facts.later == 0 && facts.facts.struct_size == sizeof facts && facts.facts.area_px == SIDE * SIDE);
    REQUIRE(facts.facts.check == ESPMEDSAM_CHECK_MATCH && facts.facts.presence == ESPMEDSAM_PRESENCE_UNKNOWN);
    REQUIRE(isnan(facts.facts.presence_score) && facts.facts.regions == 1 && facts.facts.area_fraction == 1.0);
    facts.facts.struct_size = 0;
    FAILS(BAD_ARGUMENT, espmedsam_result_facts(result, &facts.facts));
    FAILS(BAD_ARGUMENT, espmedsam_result_facts(result, NULL));
    espmedsam_result_free(result);
    newer.later = 1;
    FAILS(BAD_ARGUMENT, espmedsam_segment(segmenter, &picture, &newer.wish, &result));
    newer.wish.struct_size = 8;
    FAILS(BAD_ARGUMENT, espmedsam_segment(segmenter, &picture, &newer.wish, &result));
}

static void documents(void) {
    EspmedsamWish wish = wish_of("auto");
    EspmedsamPicture picture = grey(bright);
    EspmedsamResult *result;
    EspmedsamDocument *document;
    wish.pixel_mm[0] = wish.pixel_mm[1] = 0.5;
    OK(espmedsam_segment(segmenter, &picture, &wish, &result));
    REQUIRE(strcmp(espmedsam_result_modality(result), "bright") == 0);
    REQUIRE(strcmp(espmedsam_result_label(result), "bright") == 0);
    OK(espmedsam_result_render(result, "json", &document));
    const char *json = espmedsam_document_data(document);
    REQUIRE(strlen(json) == espmedsam_document_size(document));
    REQUIRE(strstr(json, "Research use only. Not for clinical use.") && strstr(json, "\"sizes\":{"));
    espmedsam_document_free(document);
    OK(espmedsam_result_render(result, "png", &document));
    REQUIRE(memcmp(espmedsam_document_data(document), "\x89PNG", 4) == 0);
    espmedsam_document_free(document);
    FAILS(BAD_ARGUMENT, espmedsam_result_render(result, "seg", &document));
    FAILS(BAD_ARGUMENT, espmedsam_result_render(result, NULL, &document));
    REQUIRE(document == NULL && espmedsam_document_size(NULL) == 0 && espmedsam_document_data(NULL) == NULL);
    espmedsam_result_free(result);
}

static void *in_a_thread(void *unused) {
    EspmedsamPicture picture = grey(bright);
    EspmedsamWish wish = wish_of("sharp");
    EspmedsamResult *result;
    for (int i = 0; i < 8; i++) {
        FAILS(UNKNOWN_MODALITY, espmedsam_segment(segmenter, &picture, &wish, &result));
        REQUIRE(area(&picture, wish_of("bright")) == SIDE * SIDE);
        REQUIRE(espmedsam_last_error()[0] == 0); /* whatever befell the others */
    }
    return unused;
}

static void live(void) {
    EspmedsamPicture picture = grey(bright);
    EspmedsamWish wish = wish_of("bright");
    EspmedsamLive *live;
    EspmedsamSight sight = {.struct_size = sizeof sight};
    EspmedsamCounts counts = {.struct_size = sizeof counts};
    OK(espmedsam_live_open(segmenter, &wish, 0, &live));
    FAILS(NO_MASK, espmedsam_live_poll(live, 0, &sight));
    for (uint64_t i = 1; i <= 50; i++) OK(espmedsam_live_push(live, &picture, i));
    while (sight.sequence < 50) {
        OK(espmedsam_live_poll(live, 60000, &sight));
        REQUIRE(sight.result && sight.age_ms >= 0);
        espmedsam_result_free(sight.result);
    }
    OK(espmedsam_live_counts(live, &counts));
    REQUIRE(counts.pushed == 50 && counts.replaced + counts.computed == 50 && counts.failed + counts.under_way == 0);
    static uint8_t dark[SIDE * SIDE];
    picture = grey(dark);
    OK(espmedsam_live_push(live, &picture, 51));
    FAILS(MODALITY_MISMATCH, espmedsam_live_poll(live, 60000, &sight));
    REQUIRE(sight.sequence == 51 && sight.result == NULL);
    picture.data_size--;
    FAILS(BAD_ARGUMENT, espmedsam_live_push(live, &picture, 52));
    FAILS(BAD_ARGUMENT, espmedsam_live_poll(live, 0, NULL));
    /* The segmenter first, with a frame under way. */
    picture = grey(bright);
    OK(espmedsam_live_push(live, &picture, 53));
    espmedsam_close(segmenter);
    OK(espmedsam_live_poll(live, 60000, &sight));
    espmedsam_result_free(sight.result);
    espmedsam_live_close(live);
}

int main(int argc, char **argv) {
    if (argc != 2) return 2;
    for (size_t i = 0; i < sizeof bright; i++) bright[i] = i / (SIDE * SIDE / 2) % 2 ? 220 : 180;
    EspmedsamOptions options = {.struct_size = sizeof options, .threads = 1};
    OK(espmedsam_open(argv[1], &options, &segmenter));
    names(), formats(), lies(argv[1]), versions(), documents();
    pthread_t threads[4];
    for (int i = 0; i < 4; i++) REQUIRE(pthread_create(&threads[i], NULL, in_a_thread, NULL) == 0);
    for (int i = 0; i < 4; i++) REQUIRE(pthread_join(threads[i], NULL) == 0);
    live();
    puts(espmedsam_notice());
    return 0;
}
