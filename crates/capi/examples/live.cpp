// Frames in, masks out, the newest wins. Research use only. Not for clinical use.
#include <espmedsam.h>
#include <cstdio>
#include <fstream>
#include <memory>
#include <stdexcept>
#include <vector>

static EspmedsamCode check(EspmedsamCode code) {
    if (code != ESPMEDSAM_CODE_OK && code != ESPMEDSAM_CODE_NO_MASK) throw std::runtime_error(espmedsam_last_error());
    return code;
}

int main(int argc, char **argv) try {
    if (argc != 4) throw std::runtime_error("live MODELS MODALITY PICTURE.ppm");
    uint32_t width = 0, height = 0, most = 0;
    std::ifstream in(argv[3], std::ios::binary);
    in.ignore(2) >> width >> height >> most;
    std::vector<char> rgb(3 * std::size_t(width) * height);
    in.ignore(1).read(rgb.data(), std::streamsize(rgb.size()));
    EspmedsamSegmenter *opened = nullptr;
    check(espmedsam_open(argv[1], nullptr, &opened));
    std::unique_ptr<EspmedsamSegmenter, decltype(&espmedsam_close)> segmenter(opened, espmedsam_close);
    EspmedsamWish wish{sizeof wish, argv[2], nullptr, ESPMEDSAM_ON_MISMATCH_REFUSE, 0, {}, {}};
    EspmedsamLive *source = nullptr;
    check(espmedsam_live_open(segmenter.get(), &wish, 0, &source));
    std::unique_ptr<EspmedsamLive, decltype(&espmedsam_live_close)> live(source, espmedsam_live_close);
    EspmedsamPicture frame{sizeof frame, ESPMEDSAM_FORMAT_RGB, 0, width, height,
                           reinterpret_cast<const uint8_t *>(rgb.data()), rgb.size(), 0, nullptr, 0, 0};
    uint64_t pushed = 0, last = 60, masks = 0;
    EspmedsamSight sight{sizeof sight, 0, 0, nullptr};
    while (sight.sequence < last) {
        if (pushed < last) check(espmedsam_live_push(live.get(), &frame, ++pushed));  // never waits
        if (check(espmedsam_live_poll(live.get(), pushed < last ? 1 : 5000, &sight)) == ESPMEDSAM_CODE_NO_MASK) continue;
        std::unique_ptr<EspmedsamResult, decltype(&espmedsam_result_free)> result(sight.result, espmedsam_result_free);
        std::printf("frame %llu, %.0f ms old. %s\n", (unsigned long long)sight.sequence, sight.age_ms, espmedsam_notice());
        ++masks;
    }
    return sight.sequence == last && masks >= 2 ? 0 : 1;
} catch (const std::exception &error) { return std::fprintf(stderr, "%s\n", error.what()), 1; }
