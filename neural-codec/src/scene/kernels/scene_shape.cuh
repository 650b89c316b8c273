// What the kernels of scene analysis share: the sizes of a picture made small, and where its figures are kept.
//
// small   bytes: the three planes made small, then their outlines, each [height][width] at the places that the shape names
// record  words of 64 bits at the places below; zeros before the first launch

// One plane: at full size, made small by `factor` each way, and its outline, four times smaller again.
struct ScenePlane {
    int width, height, factor;
    int small_width, small_height, small_at;
    int outline_width, outline_height, outline_at;
    // Rows of the small planes before this one.
    int first_row;
};

struct SceneShape {
    ScenePlane planes[3];
    // Bits of a sample beyond 8.
    int shift;
    // Places in the record: matches in the small picture, in the outline, and in the outline of equal brightness.
    int fine_at, outline_at, levelled_at;
};

// Places in the record. Sum and sum of squares of the small luma, of its outline, and of the difference to the picture before.
#define SCENE_FINGERPRINT 0
#define SCENE_LUMA 1
#define SCENE_OUTLINE 3
#define SCENE_TEMPORAL 5
// Whether the picture before was brought to this one's brightness: small, outline.
#define SCENE_LEVELLED 7
// Steps between neighbors, those that are hard edges, and how often each value occurs.
#define SCENE_STEPS 9
#define SCENE_COUNTS 11
// A word for each of at most 16 x 16 blocks, and for each row of the gradient.
#define SCENE_TEXTURE 267
#define SCENE_SPATIAL 523

// Longest side of a small plane; side of a block of the search.
#define SCENE_SIDE 320
#define SCENE_BLOCK 8
