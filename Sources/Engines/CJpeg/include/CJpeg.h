/// Decoding of JPEG images in memory with libjpeg, behind a small flat C interface.
///
/// Grey images stay grey, all others become RGB; images with four inks are refused. The exact integer transform is
/// used, orientation notes are not followed.
///
/// Errors: a function returns 0 or an error code (`cjpeg_error`) and then writes a message that ends in NUL into
/// `message`, cut to `capacity` bytes. No function keeps state; all may be called from any thread.

#ifndef CASEMATE_C_JPEG_H
#define CASEMATE_C_JPEG_H

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

enum cjpeg_error {
    CJPEG_OK = 0,
    /// The bytes are no JPEG image, or a damaged one.
    CJPEG_ERROR_MALFORMED = 1,
    /// The image has more pixels than the caller allows.
    CJPEG_ERROR_TOO_LARGE = 2,
    /// CMYK or YCCK.
    CJPEG_ERROR_FOUR_INKS = 3,
};

/// What an image is.
typedef struct cjpeg_info {
    /// Pixels.
    uint32_t width, height;
    /// 1 for grey, 3 for RGB.
    int32_t channels;
} cjpeg_info;

/// Reads the header of an image of at most `pixel_limit` pixels.
int32_t cjpeg_inspect(const uint8_t *bytes, size_t count, uint64_t pixel_limit, cjpeg_info *out, char *message,
                      size_t capacity);

/// Decodes an image into `pixels`, row by row, `channels` (1, or 3 for any image) bytes a pixel.
/// `size` must be width × height × channels; an image of another size is malformed, and so is one that is cut short or
/// that cannot be decoded in every part.
int32_t cjpeg_decode(const uint8_t *bytes, size_t count, int32_t channels, uint8_t *pixels, size_t size, char *message,
                     size_t capacity);

#ifdef __cplusplus
}
#endif

#endif
