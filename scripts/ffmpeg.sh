#!/usr/bin/env bash
# Builds the FFmpeg that the portable wheel carries into target/ffmpeg: upstream's part of Debian's source package, readers, lossless
# writers and encoders of sound, under the LGPL (no x264, no x265), shared. The dav1d of scripts/dav1d.sh decodes AV1 sources.
set -euo pipefail
cd "$(dirname "$0")/.."
scripts/dav1d.sh
prefix=$PWD/target/ffmpeg
export PKG_CONFIG_PATH=$PWD/target/dav1d/lib/pkgconfig
# Built anew where this recipe or dav1d is another than it was.
recipe=$prefix/recipe-$(cat scripts/ffmpeg.sh scripts/dav1d.sh | sha256sum | cut -c 1-16)
[ -e "$recipe" ] && exit 0
rm -rf "$prefix"

echo "Building FFmpeg, which takes minutes"
work=$PWD/target/ffmpeg-source
rm -rf "$work"
mkdir -p "$work/apt/lists/partial" "$work/apt/archives/partial" "$work/apt/parts"
# Where this system has its packages from, it has their sources from.
archive=$(apt-get indextargets --format '$(ORIGIN) $(IDENTIFIER) $(REPO_URI) $(CODENAME)' |
  awk '$1 == "Debian" && $2 == "Packages" { print $3, $4; exit }')
[ -n "$archive" ] || { echo "error: expected a Debian package archive in apt's sources, found none" >&2; exit 1; }
echo "deb-src [signed-by=/usr/share/keyrings/debian-archive-keyring.gpg] $archive main" >"$work/apt/sources.list"
# Lists of its own: what the system knows of packages stays as it is. apt checks the signatures.
options=(-qq -o Dir::Etc::SourceList="$work/apt/sources.list" -o Dir::Etc::SourceParts="$work/apt/parts"
  -o Dir::State::Lists="$work/apt/lists" -o Dir::Cache="$work/apt" -o APT::Sandbox::User=root)
apt-get "${options[@]}" update
(cd "$work" && apt-get "${options[@]}" source --download-only ffmpeg)
tar -xf "$work"/ffmpeg_*.orig.tar.xz -C "$work" --strip-components=1

list() { local option=$1; shift; printf -- "--enable-$option=%s " "$@"; }
# shellcheck disable=SC2046
(cd "$work" && ./configure --quiet --prefix="$prefix" --enable-shared --disable-static --disable-programs \
  --disable-doc --disable-everything --disable-autodetect --disable-network --disable-avdevice \
  --disable-postproc --disable-debug --enable-pic --enable-zlib --enable-libdav1d --enable-protocol=file,pipe \
  --enable-parsers --enable-bsfs \
  $(list demuxer mov matroska avi flv mpegts mpegps mpegvideo m4v h264 hevc ivf obu av1 asf ogg nut gif rawvideo \
    yuv4mpegpipe wav aac mp3 flac ac3 mxf dv mjpeg image_jpeg_pipe image_webp_pipe apng) \
  $(list decoder h263 h264 hevc vp8 vp9 libdav1d mpeg1video mpeg2video mpeg4 msmpeg4v1 msmpeg4v2 msmpeg4v3 mjpeg prores \
    dnxhd dvvideo ffv1 ffvhuff huffyuv utvideo rawvideo theora vc1 wmv1 wmv2 wmv3 qtrle png gif v210 cfhd flashsv apng webp) \
  $(list decoder aac ac3 eac3 alac dca flac mlp truehd mp1float mp2float mp3float opus vorbis wavpack tta wmav1 wmav2 wmapro \
    amrnb amrwb adpcm_ima_qt adpcm_ima_wav adpcm_ms adpcm_swf nellymoser pcm_alaw pcm_mulaw pcm_bluray pcm_dvd pcm_u8 pcm_s8 \
    pcm_s16le pcm_s16be pcm_s24le pcm_s24be pcm_s32le pcm_s32be pcm_f32le pcm_f32be pcm_f64le s302m) \
  $(list muxer matroska webm mp4 mov nut) $(list encoder ffv1 aac flac opus) \
  $(list filter bwdif format scale aformat aresample))
# Old code under a new compiler: its warnings are of use only where it fails.
make -C "$work" -j"$(nproc)" >"$work/log" 2>&1 || { tail -50 "$work/log" >&2; exit 1; }
make -C "$work" install >/dev/null
install -D -m 644 "$work/COPYING.LGPLv2.1" "$prefix/share/ffmpeg/COPYING.LGPLv2.1"
rm -rf "$work"
touch "$recipe"
