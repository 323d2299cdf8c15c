// libpng behind the interface of CPng.h.

#include "CPng.h"

#if !__has_include(<png.h>)
#error "png.h is missing: run 'make setup', or install libpng-dev"
#endif

#include <png.h>
#include <setjmp.h>
#include <stdio.h>
#include <string.h>

/// The reading of one image. Lives in the caller of `setjmp`, so that a jump leaves it as it is.
struct reading {
    const uint8_t *bytes;
    size_t count, position;
    png_structp png;
    png_infop info;
    char *message;
    size_t capacity;
};

static void say(struct reading *reading, const char *text) {
    if (reading->message != NULL && reading->capacity > 0) snprintf(reading->message, reading->capacity, "%s", text);
}

static void on_error(png_structp png, png_const_charp text) {
    say(png_get_error_ptr(png), text);
    png_longjmp(png, 1);
}

static void on_warning(png_structp png, png_const_charp text) {
    (void)png;
    (void)text;
}

static void take(png_structp png, png_bytep target, size_t count) {
    struct reading *reading = png_get_io_ptr(png);
    if (count > reading->count - reading->position) png_error(png, "the file is cut short");
    memcpy(target, reading->bytes + reading->position, count);
    reading->position += count;
}

/// Starts reading; what `close_reading` is given afterwards, whether this succeeds or not.
static int32_t open_reading(struct reading *reading) {
    reading->png = png_create_read_struct(PNG_LIBPNG_VER_STRING, reading, on_error, on_warning);
    if (reading->png != NULL) reading->info = png_create_info_struct(reading->png);
    if (reading->png != NULL && reading->info != NULL) return CPNG_OK;
    say(reading, "libpng cannot start");
    return CPNG_ERROR_MEMORY;
}

static void close_reading(struct reading *reading) { png_destroy_read_struct(&reading->png, &reading->info, NULL); }

/// Reads up to the pixels. Jumps when that fails.
static void read_header(struct reading *reading) {
    // why: texts and profiles are not used, and may be compressed to a small part of their size.
    static const png_byte unused[] = "iCCP\0iTXt\0tEXt\0zTXt\0eXIf\0sPLT\0hIST";
    png_set_read_fn(reading->png, reading, take);
    png_set_user_limits(reading->png, 1 << 20, 1 << 20);
    png_set_chunk_cache_max(reading->png, 64);
    png_set_chunk_malloc_max(reading->png, 1 << 22);
    png_set_keep_unknown_chunks(reading->png, PNG_HANDLE_CHUNK_NEVER, NULL, 0);
    png_set_keep_unknown_chunks(reading->png, PNG_HANDLE_CHUNK_NEVER, unused, (int)(sizeof(unused) / 5));
    png_read_info(reading->png, reading->info);
}

static bool is_colour(const struct reading *reading) {
    return (png_get_color_type(reading->png, reading->info) & PNG_COLOR_MASK_COLOR) != 0;
}

int32_t cpng_inspect(const uint8_t *bytes, size_t count, uint64_t pixel_limit, cpng_info *out, char *message,
                     size_t capacity) {
    struct reading reading = {bytes, count, 0, NULL, NULL, message, capacity};
    int32_t code = open_reading(&reading);
    if (code != CPNG_OK || setjmp(png_jmpbuf(reading.png)) != 0) {
        close_reading(&reading);
        return code != CPNG_OK ? code : CPNG_ERROR_MALFORMED;
    }
    read_header(&reading);
    cpng_info found = {0};
    found.width = png_get_image_width(reading.png, reading.info);
    found.height = png_get_image_height(reading.png, reading.info);
    found.channels = is_colour(&reading) ? 3 : 1;
    found.bits = png_get_bit_depth(reading.png, reading.info);
    found.has_alpha = (png_get_color_type(reading.png, reading.info) & PNG_COLOR_MASK_ALPHA) != 0 ||
                      png_get_valid(reading.png, reading.info, PNG_INFO_tRNS) != 0;
    close_reading(&reading);
    *out = found;
    if ((uint64_t)found.width * found.height <= pixel_limit) return CPNG_OK;
    say(&reading, "the image has too many pixels");
    return CPNG_ERROR_TOO_LARGE;
}

/// Sets the conversion to `channels` bytes a pixel and reads all rows. Jumps when that fails.
static void read_rows(struct reading *reading, int32_t channels, uint8_t *pixels, size_t size) {
    png_structp png = reading->png;
    bool colour = is_colour(reading);
    png_set_expand(png);
    png_set_scale_16(png);
    png_set_strip_alpha(png);
    if (!colour && channels == 3) png_set_gray_to_rgb(png);
    int passes = png_set_interlace_handling(png);
    png_read_update_info(png, reading->info);
    size_t width = png_get_image_width(png, reading->info), height = png_get_image_height(png, reading->info);
    size_t stride = width * (size_t)channels;
    if ((colour && channels != 3) || stride * height != size || png_get_rowbytes(png, reading->info) != stride) {
        png_error(png, "the image has another size than its header said");
    }
    for (int pass = 0; pass < passes; pass++) {
        for (size_t row = 0; row < height; row++) png_read_row(png, pixels + row * stride, NULL);
    }
    png_read_end(png, NULL);
}

int32_t cpng_decode(const uint8_t *bytes, size_t count, int32_t channels, uint8_t *pixels, size_t size, char *message,
                    size_t capacity) {
    struct reading reading = {bytes, count, 0, NULL, NULL, message, capacity};
    int32_t code = open_reading(&reading);
    if (code != CPNG_OK || setjmp(png_jmpbuf(reading.png)) != 0) {
        close_reading(&reading);
        return code != CPNG_OK ? code : CPNG_ERROR_MALFORMED;
    }
    read_header(&reading);
    read_rows(&reading, channels, pixels, size);
    close_reading(&reading);
    return CPNG_OK;
}
