/* A picture file in, its mask as PGM out. Research use only. Not for clinical use. */
#include <espmedsam.h>
#include <stdio.h>
#include <stdlib.h>

static void check(EspmedsamCode code) {
    if (code == ESPMEDSAM_CODE_OK) return;
    fprintf(stderr, "%s: %s\n", espmedsam_code_name(code), espmedsam_last_error());
    exit(1);
}

int main(int argc, char **argv) {
    if (argc != 5) return fprintf(stderr, "segment MODELS MODALITY PICTURE MASK.pgm\n"), 2;
    static uint8_t file[16 << 20];
    FILE *in = fopen(argv[3], "rb"), *out = fopen(argv[4], "wb");
    if (!in || !out) return perror("cannot open"), 1;
    size_t size = fread(file, 1, sizeof file, in);
    EspmedsamSegmenter *segmenter;
    check(espmedsam_open(argv[1], NULL, &segmenter));
    EspmedsamWish wish = {.struct_size = sizeof wish, .modality = argv[2]};
    EspmedsamResult *result;
    check(espmedsam_segment_file(segmenter, file, size, &wish, &result));
    EspmedsamMask mask = {.struct_size = sizeof mask};
    EspmedsamFacts facts = {.struct_size = sizeof facts};
    check(espmedsam_result_mask(result, &mask));
    check(espmedsam_result_facts(result, &facts));
    fprintf(out, "P5 %u %u 255\n", mask.width, mask.height);
    uint64_t area = 0;
    for (uint32_t y = 0; y < mask.height; y++) {
        const uint8_t *row = mask.pixels + y * mask.stride;
        for (uint32_t x = 0; x < mask.width; x++) area += row[x] == 255;
        fwrite(row, 1, mask.width, out);
    }
    int good = fclose(in) == 0 && fclose(out) == 0 && area == facts.area_px && area > 0;
    printf("%s: %llu pixels, expected Dice %.2f\n%s\n", espmedsam_result_label(result), (unsigned long long)area,
           facts.confidence, espmedsam_notice());
    espmedsam_result_free(result);
    espmedsam_close(segmenter);
    return good ? 0 : 1;
}
