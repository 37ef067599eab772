/* What pair_style mace asks the driver's library of a GPU: here one of the kind FAKE_GPU names. */
#include <stdlib.h>
#include <stdio.h>
#include <string.h>

static const char *setting(const char *name, const char *otherwise)
{
  const char *value = getenv(name);
  return value ? value : otherwise;
}

int cuInit(unsigned flags) { return flags || getenv("FAKE_NO_DEVICE") ? 100 : 0; }

int cuDeviceGet(int *device, int index)
{
  *device = index;
  return index < atoi(setting("FAKE_COUNT", "1")) ? 0 : 101;
}

int cuDeviceGetName(char *name, int length, int device)
{
  snprintf(name, length, "%s", setting("FAKE_GPU", "NVIDIA Test"));
  return device < 0;
}

int cuDeviceGetAttribute(int *value, int attribute, int device)
{
  const int capability = atoi(setting("FAKE_CAPABILITY", "90"));
  if (attribute == 75) *value = capability / 10;
  else if (attribute == 76) *value = capability % 10;
  else return 1;
  return device < 0;
}
