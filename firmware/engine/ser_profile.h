// A profiler's marks in the generated engine. With SER_PROFILE_LAYERS defined the engine calls ser_profile_mark, which the profiler
// defines, behind the work of each layer, frame by frame where a layer takes frames; without it they are nothing.
#ifndef SER_PROFILE_H_
#define SER_PROFILE_H_

#ifdef SER_PROFILE_LAYERS
// Takes the number of the layer whose work is done, from 1.
void ser_profile_mark(unsigned layer);
#define SER_PROFILE(layer) ser_profile_mark(layer)
#else
#define SER_PROFILE(layer) ((void)0)
#endif

#endif  // SER_PROFILE_H_
