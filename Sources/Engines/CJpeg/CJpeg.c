// libjpeg behind the interface of CJpeg.h.

#include "CJpeg.h"

#if !__has_include(<jpeglib.h>)
#error "jpeglib.h is missing: run 'make setup', or install libjpeg-dev"
#endif

#include <stdio.h>

#include <jpeglib.h>

#include <jerror.h>
#include <setjmp.h>

/// Most passes over an image: a small file can ask for thousands.
enum { scan_limit = 200 };

/// The reading of one image. Lives in the caller of `setjmp`, so that a jump leaves it as it is.
struct reading {
    struct jpeg_decompress_struct jpeg;
    struct jpeg_error_mgr errors;
    struct jpeg_progress_mgr progress;
    jmp_buf escape;
    char *message;
    size_t capacity;
};

static void say(struct reading *reading, const char *text) {
    if (reading->message != NULL && reading->capacity > 0) snprintf(reading->message, reading->capacity, "%s", text);
}

static void fail(struct reading *reading, const char *text) {
    say(reading, text);
    longjmp(reading->escape, 1);
}

static void on_error(j_common_ptr jpeg) {
    char text[JMSG_LENGTH_MAX];
    jpeg->err->format_message(jpeg, text);
    fail(jpeg->client_data, text);
}

/// Ends at warnings that say that pixels were made up; others are passed over.
static void on_message(j_common_ptr jpeg, int level) {
    if (level >= 0) return;
    switch (jpeg->err->msg_code) {
    case JWRN_ADOBE_XFORM:
    case JWRN_BOGUS_PROGRESSION:
    case JWRN_EXTRANEOUS_DATA:
    case JWRN_JFIF_MAJOR:
    case JWRN_NOT_SEQUENTIAL:
    case JWRN_TOO_MUCH_DATA:
        return;
    default:
        on_error(jpeg);
    }
}

static void on_output(j_common_ptr jpeg) { (void)jpeg; }

static void on_progress(j_common_ptr jpeg) {
    if (((j_decompress_ptr)jpeg)->input_scan_number > scan_limit) fail(jpeg->client_data, "it has too many scans");
}

static void open_reading(struct reading *reading) {
    reading->jpeg.err = jpeg_std_error(&reading->errors);
    reading->errors.error_exit = on_error;
    reading->errors.emit_message = on_message;
    reading->errors.output_message = on_output;
    reading->jpeg.client_data = reading;
}

/// Reads up to the pixels and chooses `channels`, 0 for those of the image. Jumps when that fails.
/// Gives false for an image with four inks.
static boolean read_header(struct reading *reading, const uint8_t *bytes, size_t count, int32_t channels) {
    jpeg_create_decompress(&reading->jpeg);
    // why: creation clears the structure but for the error handler and the caller's own pointer.
    reading->progress.progress_monitor = on_progress;
    reading->jpeg.progress = &reading->progress;
    reading->jpeg.mem->max_memory_to_use = 1L << 29;
    if (count == 0) fail(reading, "the file is empty");
    jpeg_mem_src(&reading->jpeg, bytes, count);
    jpeg_read_header(&reading->jpeg, TRUE);
    if (reading->jpeg.jpeg_color_space == JCS_CMYK || reading->jpeg.jpeg_color_space == JCS_YCCK) return FALSE;
    boolean is_grey = reading->jpeg.jpeg_color_space == JCS_GRAYSCALE;
    reading->jpeg.out_color_space = is_grey && channels != 3 ? JCS_GRAYSCALE : JCS_RGB;
    return TRUE;
}

int32_t cjpeg_inspect(const uint8_t *bytes, size_t count, uint64_t pixel_limit, cjpeg_info *out, char *message,
                      size_t capacity) {
    struct reading reading = {.message = message, .capacity = capacity};
    open_reading(&reading);
    if (setjmp(reading.escape) != 0) {
        jpeg_destroy_decompress(&reading.jpeg);
        return CJPEG_ERROR_MALFORMED;
    }
    boolean is_served = read_header(&reading, bytes, count, 0);
    cjpeg_info found = {reading.jpeg.image_width, reading.jpeg.image_height,
                        reading.jpeg.out_color_space == JCS_GRAYSCALE ? 1 : 3};
    jpeg_destroy_decompress(&reading.jpeg);
    if (!is_served) {
        say(&reading, "the image has four inks (CMYK)");
        return CJPEG_ERROR_FOUR_INKS;
    }
    *out = found;
    if ((uint64_t)found.width * found.height <= pixel_limit) return CJPEG_OK;
    say(&reading, "the image has too many pixels");
    return CJPEG_ERROR_TOO_LARGE;
}

/// Reads all rows. Jumps when that fails.
static void read_rows(struct reading *reading, int32_t channels, uint8_t *pixels, size_t size) {
    jpeg_start_decompress(&reading->jpeg);
    size_t stride = (size_t)reading->jpeg.output_width * (size_t)reading->jpeg.output_components;
    if (reading->jpeg.output_components != channels || stride * reading->jpeg.output_height != size) {
        fail(reading, "the image has another size than its header said");
    }
    while (reading->jpeg.output_scanline < reading->jpeg.output_height) {
        JSAMPROW row = pixels + reading->jpeg.output_scanline * stride;
        jpeg_read_scanlines(&reading->jpeg, &row, 1);
    }
    jpeg_finish_decompress(&reading->jpeg);
}

int32_t cjpeg_decode(const uint8_t *bytes, size_t count, int32_t channels, uint8_t *pixels, size_t size, char *message,
                     size_t capacity) {
    struct reading reading = {.message = message, .capacity = capacity};
    open_reading(&reading);
    if (setjmp(reading.escape) != 0) {
        jpeg_destroy_decompress(&reading.jpeg);
        return CJPEG_ERROR_MALFORMED;
    }
    boolean is_served = read_header(&reading, bytes, count, channels);
    if (is_served) read_rows(&reading, channels, pixels, size);
    jpeg_destroy_decompress(&reading.jpeg);
    if (is_served) return CJPEG_OK;
    say(&reading, "the image has four inks (CMYK)");
    return CJPEG_ERROR_FOUR_INKS;
}
