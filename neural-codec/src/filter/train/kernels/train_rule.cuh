// What keeps parameters near values that can be stored: the CPU's, operation by operation, so that both round alike.

// Nothing; differences are pulled to zero by what they cost; the loss is taken at values that can be stored.
#define TRAIN_FREE 0
#define TRAIN_PULLED 1
#define TRAIN_ROUNDED 2

// The values of one parameter: an origin, and steps of `unit` away from it.
struct TrainPoint {
    float origin, unit;
    // The least and the most difference, and value.
    float least, most, low, high;
    // 0 where a rounded parameter stays at its origin, else 1.
    float is_moved;
};

// The nearest value that can be stored.
__device__ inline float train_nearest(TrainPoint point, float value) {
    float difference = roundf((value - point.origin) / point.unit);
    difference = difference == difference ? fminf(fmaxf(difference, point.least), point.most) : 0.0f;
    return fminf(fmaxf(point.origin + difference * point.unit, point.low), point.high);
}

// What follows a step; `reach` is how far a gradient of 1 moved the parameter.
__device__ inline float train_project(int rule, TrainPoint point, float price, float parameter, float reach) {
    if (rule == TRAIN_ROUNDED) return point.is_moved != 0.0f ? parameter : point.origin;
    float difference = parameter - point.origin;
    float slope = price / (point.unit + fabsf(difference));
    float left = fmaxf(fabsf(difference) - reach * slope, 0.0f);
    return point.origin + copysignf(left, difference);
}
