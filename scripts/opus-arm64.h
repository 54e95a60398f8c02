/*
 * @discordjs/opus compiles libopus 1.3.1 without the file that declares this function (pitch_neon_intr.c defines it), which
 * GCC 14 takes for an error. Older compilers guess its type, wrongly; with the declaration all of them know it.
 */
float celt_inner_prod_neon(const float *x, const float *y, int N);
