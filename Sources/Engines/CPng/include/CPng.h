/// Decoding of PNG images in memory with libpng, behind a small flat C interface.
///
/// Samples are given as they are stored: no gamma, no colour profile. Palettes become RGB, 1, 2 and 4 bits are
/// widened to 8, 16 bits are scaled to 8, an alpha channel is dropped.
///
/// Errors: a function returns 0 or an error code (`cpng_error`) and then writes a message that ends in NUL into
/// `message`, cut to `capacity` bytes. No function keeps state; all may be called from any thread.

#ifndef CASEMATE_C_PNG_H
#define CASEMATE_C_PNG_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

enum cpng_error {
    CPNG_OK = 0,
    /// The bytes are no PNG image, or a damaged one.
    CPNG_ERROR_MALFORMED = 1,
    /// The image has more pixels than the caller allows.
    CPNG_ERROR_TOO_LARGE = 2,
    /// No memory left.
    CPNG_ERROR_MEMORY = 3,
};

/// What an image is.
typedef struct cpng_info {
    /// Pixels.
    uint32_t width, height;
    /// 1 for grey, 3 for RGB, without alpha.
    int32_t channels;
    /// Bits a sample as stored.
    int32_t bits;
    /// Whether the image says how opaque its pixels are.
    bool has_alpha;
} cpng_info;

/// Reads the header of an image of at most `pixel_limit` pixels.
int32_t cpng_inspect(const uint8_t *bytes, size_t count, uint64_t pixel_limit, cpng_info *out, char *message,
                     size_t capacity);

/// Decodes an image into `pixels`, row by row, `channels` (1, or 3 for any image) bytes a pixel, and reads it to its end.
/// `size` must be width × height × channels; an image of another size is malformed.
int32_t cpng_decode(const uint8_t *bytes, size_t count, int32_t channels, uint8_t *pixels, size_t size, char *message,
                    size_t capacity);

#ifdef __cplusplus
}
#endif

#endif
